"""Lines that go into ZODB's configuration cannot break out of their place."""

from __future__ import annotations

import pytest
from zeoserver.declaration.test_options import one, refused


@pytest.mark.parametrize(
    "text",
    [
        "</zeo>", "<ssl>", "<filestorage 2>\npath /x\n</filestorage>", "%import x",
        "%include /etc/passwd", "%define A b", "a\x00b 1", "key\r</zeo>",
        "name $HOME", "name ${x}", "name $", "name $$$", "(x) y", "key\x0b</zeo>",
        "key\u2028</zeo>", "address 0.0.0.0:1", "ADDRESS 0.0.0.0:1", "read-only false",
        "pid-filename /etc/x", "Transaction-Timeout 1", "invalidation-queue-size 1",
        "invalidation-age 1", "client-conflict-resolution on", "msgpack on",
        "monitor-address 1", "authentication-database x", "fine 1\n</zeo>",
    ],
)  # fmt: skip
def test_zeo_conf_additional_adds_keys_and_nothing_else(text):
    """No section, no directive, no key that an option or a verb sets."""
    assert "zeo-conf-additional" in refused(acme={"zeo-conf-additional": text})


def test_zeo_conf_additional_keeps_what_it_may():
    """Keys with values stay as they are, comments and empty lines go."""
    text = "\n# why\nnew-key  a $$b\n\n  flag\n"
    assert one(zeo_conf_additional=text).zeo_conf_additional == "new-key  a $$b\nflag"


@pytest.mark.parametrize(
    "text",
    [
        "path x", "<logfile>", "</logfile>", "<logfile>\n</syslog>", "</eventlog>",
        "<logfile>\n</logfile>\n</eventlog>", "<logfile/>", "<logfile>\n%import x",
        "<logfile>\npath $x\n</logfile>", "<a b c>\n</a>", "<logfile>\n<x\n</logfile>",
    ],
)  # fmt: skip
def test_zeo_log_custom_is_whole_sections(text):
    """Each section that begins ends, and no other."""
    assert "zeo-log-custom" in refused(acme={"zeo-log-custom": text})


def test_zeo_log_custom_keeps_formats():
    """A format's per cent signs are not directives."""
    text = "<logfile>\n path /x\n format %(asctime)s %(message)s\n</logfile>"
    assert "format %(asctime)s" in one(zeo_log_custom=text).log_custom
