"""Whatever is given: refused, or harmless in every file that is written."""

from __future__ import annotations

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.zeodeclared import declare

from karl.recipe.release.base.errors import UsageError
from karl.recipe.zeoserver.declaration import optionnames
from karl.recipe.zeoserver.declaration.model import Account
from karl.recipe.zeoserver.rendering import (
    clientconf,
    logrotate,
    supervisorconf,
    systemd,
    zeoconf,
)

OPTIONS = sorted(set(optionnames.PART) - {"storages", "zeo-log-custom"})

#: What means something to one reader or another, and what may be in a value.
PIECES = st.sampled_from(
    [
        "\n", "\r", "\t", "\x00", "\u2028", "\x0b", " ", "<", ">", "</zeo>", "<zeo>",
        "%", "%include /x", "%(x)s", "$", "$$", "${x}", "#", ";", "\\", '"', "'", "`",
        "|", "&", "{", "}", "[", "]", "*", "/", "..", "~", ":", ",", "=", "ä",
        "address 0.0.0.0:1", "User=root", "[program:x]", "key value", "never", "1",
        "/srv", "8100", "x", "daily 01:30", "{storage}", "1MB", "true", "-",
        "postrotate",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES, min_size=1, max_size=5).map("".join)

ACCOUNT = Account("zeo", "zeo")
USUAL = declare("/srv/zc", acme={})


def shape(central) -> list[list[str]]:
    """Return what begins each line of each file: its keys, sections and commands."""
    files = [
        *(zeoconf.render(central, "acme", side, 1, read_only=False) for side in "ab"),
        *(clientconf.render(central, "acme", 1, side) for side in "ab"),
        supervisorconf.render_daemon(central),
        *(supervisorconf.render_program(central, "acme", side) for side in "ab"),
        logrotate.render(central, ACCOUNT),
        systemd.render(central, ACCOUNT)[f"{central.name}.service"],
    ]
    return [[begin(line) for line in text.split("\n")] for text in files]


def begin(line: str) -> str:
    """Return a line's first word; of a path in a line of its own, that it is one."""
    word = re.split(r"[ =]", line.strip())[0]
    return "path" if word.startswith(('"/', "/")) else word


def without(found: list[list[str]], *words: str) -> list[list[str]]:
    return [[word for word in lines if word not in words] for lines in found]


@settings(max_examples=300, deadline=None, database=None)
@example("zeo-conf-additional", "key value\n</zeo>")
@example("user", "zeo\nExecStart=/x")
@example("client-folder", "/x\n</clientstorage>")
@example("zeo-address", "/x\n  read-only true")
@given(st.sampled_from(OPTIONS), TEXTS)
def test_no_value_adds_a_line_to_any_file(option, text):
    """Each file keeps its lines; only their values differ."""
    try:
        central = declare("/srv/zc", {option: text}, acme={})
    except UsageError as error:
        assert "wrong:" in error.message  # noqa: PT017  # either may happen
        return
    words = re.findall(r"(?m)^\s*([a-z]\S*)", text.replace("{storage}", "acme"))
    # What such an option is for: another line for one key.
    added = {
        "zeo-conf-additional": set(words) - {"address"},
        "invalidation-age": {"invalidation-age"},
        "client-cache": {"cache-path"},
        "client-shared-blobs": {"blob-cache-size"},
        "backups": {"ProtectSystem"},
    }.get(option, set())
    assert without(shape(central), *added) == without(shape(USUAL), *added)
