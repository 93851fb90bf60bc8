"""What options mean, one by one, and that every error is told at once."""

from __future__ import annotations

import json

import pytest
from support.zeodeclared import declare

from karl.recipe.release.base.errors import UsageError
from karl.recipe.zeoserver.declaration import optionnames, options
from karl.recipe.zeoserver.declaration.model import (
    Address,
    Central,
    Schedule,
    Tls,
)
from karl.recipe.zeoserver.layouts.central import RESERVED

ROOT = "/srv/sites/zeo-central"

#: Server and client certificates, so that other machines may connect.
TLS = {
    f"{end}ssl-{name}": f"/etc/tls/{end}{name}.pem"
    for end in ("", "client-")
    for name in ("certificate", "key", "authenticate")
}


def one(**given: str):
    """Return the one storage that these options declare."""
    own = {name.replace("_", "-"): value for name, value in given.items()}
    return declare(ROOT, acme=own).storages["acme"]


def refused(part=(), **storages) -> str:
    """Return what is said of options that cannot be."""
    with pytest.raises(UsageError) as caught:
        declare(ROOT, dict(part), **storages)
    assert "nothing was written" in caught.value.tip
    return caught.value.message


def test_the_defaults_are_complete():
    """Without any option a storage has two Unix sockets, backups and a schedule."""
    found = one()
    assert found.addresses == {
        "a": Address(path=f"{ROOT}/acme/run/a.sock"),
        "b": Address(path=f"{ROOT}/acme/run/b.sock"),
    }
    assert found.client.folder == "/srv/sites/acme/var/cache"
    assert found.backup_at == Schedule(30, 1)
    assert found.verify_at == Schedule(0, 4, (6,))
    assert found.pack_at == Schedule(30, 0, (6,))
    assert (found.repository, found.scratch, found.tls, found.client.tls) == (
        "", "", None, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("option", "text", "field", "value"),
    [
        ("invalidation-queue-size", "5000", "invalidation_queue_size", 5000),
        ("invalidation-age", "3600", "invalidation_age", 3600.0),
        ("transaction-timeout", "60", "transaction_timeout", 60),
        ("drain-timeout", "2.5", "drain_timeout", 2.5),
        ("client-conflict-resolution", "on", "client_conflict_resolution", True),
        ("zeo-log-level", "DEBUG", "log_level", "debug"),
        ("zeo-log-custom", "<syslog>\n  facility local3\n</syslog>", "log_custom",
         "<syslog>\nfacility local3\n</syslog>"),
        ("zeo-conf-additional", "\n# a note\n  new-key 1\n", "zeo_conf_additional",
         "new-key 1"),
        ("pack-days", "0.5", "pack_days", 0.5),
        ("pack-gc", "false", "pack_gc", False),
        ("pack-keep-old", "No", "pack_keep_old", False),
        ("pack-at", "never", "pack_at", None),
        ("backups", "/backup/{storage}", "repository", "/backup/acme"),
        ("scratch", "../scratch", "scratch", "/srv/scratch"),
        ("full-every", "30", "full_every", 30),
        ("keep", "9", "keep", 9),
        ("backup-at", "hourly :05", "backup_at", Schedule(5)),
        ("verify-at", "Mon,wed 23:59", "verify_at", Schedule(59, 23, (0, 2))),
    ],
)  # fmt: skip
def test_an_option_of_a_storage(option, text, field, value):
    """Each option reaches its field; the part's value is every storage's default."""
    own = declare(ROOT, acme={option: text}, globex={})
    assert getattr(own.storages["acme"], field) == value
    assert getattr(own.storages["globex"], field) != value
    common = declare(ROOT, {option: text}, acme={})
    assert getattr(common.storages["acme"], field) == value


@pytest.mark.parametrize(
    ("option", "text", "field", "value"),
    [
        ("client-folder", "/var/cache/{storage}", "folder", "/var/cache/acme"),
        ("client-cache", "worker1", "cache", "worker1"),
        ("client-cache-size", "2GB", "cache_size", 2 << 30),
        ("client-blob-cache-size", "500 mb", "blob_cache_size", 500 << 20),
        ("client-shared-blobs", "true", "shared_blobs", True),
        ("client-wait-timeout", "5", "wait_timeout", 5),
        ("client-host", "DB.example", "host", "db.example"),
    ],
)
def test_an_option_of_the_client(option, text, field, value):
    """Each option for the site's side reaches its field."""
    assert getattr(one(**{option: text}).client, field) == value


def test_a_storage_overrides_the_part():
    """A section's own option wins, also with the same text as the default."""
    found = declare(ROOT, {"keep": "9"}, acme={"keep": "4"}, globex={})
    assert {name: each.keep for name, each in found.storages.items()} == {
        "acme": 4,
        "globex": 9,
    }


def test_certificates():
    """All three files of both ends, and the name that the client expects."""
    found = one(zeo_address="db.example:8100", zeo_address_b="db.example:8101",
                client_ssl_server_hostname="zeo.example", **TLS)  # fmt: skip
    assert found.tls == Tls(
        "/etc/tls/certificate.pem", "/etc/tls/key.pem", "/etc/tls/authenticate.pem"
    )
    assert found.client.tls is not None
    assert found.client.tls.server_hostname == "zeo.example"


def test_user_and_group():
    """The part says whom the servers run as, and who may connect."""
    found = declare(ROOT, {"user": "zeo", "socket-group": "sites"}, acme={})
    assert (found.user, found.socket_group) == ("zeo", "sites")


def test_the_root_gives_the_name():
    """Relative to the buildout's folder; its last part names systemd's units."""
    found = declare("../sites/db1", acme={})
    assert (found.root, found.name) == ("/srv/sites/db1", "db1")


def test_a_root_that_is_a_link_is_its_real_path(tmp_path):
    """Scripts, units and sockets name the real path."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    found = declare(tmp_path / "link", acme={})
    assert found.root == str(tmp_path / "real")


def test_what_is_declared_survives_a_round_trip(tmp_path):
    """What is kept as JSON is read again, the same."""
    part = {"pack-at": "Mon,Fri 02:10", "invalidation-age": "5", **TLS}
    given = {"zeo-address": "10.0.0.1:8100", "zeo-address-b": "[::1]:8100"}
    found = declare(tmp_path / "zc", part, acme=given)
    found.places.etc.mkdir(parents=True)
    found.places.declaration.write_text(found.to_text())
    assert Central.load(found.places) == found
    assert json.loads(found.to_text())["format"] == 1


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("zeo-address", "acme"), ("zeo-address", "host:"), ("zeo-address", "host:0"),
        ("zeo-address", "65536"), ("zeo-address", "::1:8100"),
        ("zeo-address", "1.2.3:80"), ("zeo-address", "[::g]:80"),
        ("zeo-address", "-x:80"), ("zeo-address", "a b:80"), ("zeo-address", "8_1"),
        ("zeo-address", "~/a.sock"), ("zeo-address-b", "/a/b\nread-only true"),
        ("invalidation-queue-size", "0"), ("invalidation-queue-size", "1e3"),
        ("invalidation-queue-size", "٣"), ("invalidation-age", "-1"),
        ("invalidation-age", "nan"), ("transaction-timeout", "0"),
        ("transaction-timeout", "inf"), ("drain-timeout", "1h"),
        ("drain-timeout", "3601"), ("client-conflict-resolution", "maybe"),
        ("zeo-log-level", "loud"), ("pack-days", "-1"), ("pack-days", "1.2.3"),
        ("pack-gc", ""), ("pack-keep-old", "1"), ("full-every", "0"), ("keep", "0"),
        ("keep", "many"), ("backup-at", "01:30"), ("backup-at", "daily 24:00"),
        ("backup-at", "daily :30"), ("backup-at", "hourly 01:30"),
        ("backup-at", "Sun"), ("backup-at", "Sunday 01:30"),
        ("backup-at", "Sun, Mon 01:30"), ("backup-at", ""),
        ("verify-at", "daily 01:60"), ("pack-at", "Mon,, 01:30"),
        ("backups", "/a\x00b"), ("backups", "~/b"), ("scratch", "/a\nb"),
        ("client-folder", "var/cache"), ("client-folder", "/srv/../etc"),
        ("client-folder", "/a\n</zodb>"), ("client-cache", "a/b"),
        ("client-cache", ".."), ("client-cache-size", "10"),
        ("client-cache-size", "lots"), ("client-blob-cache-size", "5 PB"),
        ("client-shared-blobs", "2"), ("client-wait-timeout", "0"),
        ("client-host", "a/b"), ("client-host", "300.1.1.1"),
        ("ssl-certificate", "/a\tb"), ("client-ssl-key", "key.pem"),
        ("client-ssl-server-hostname", "a_b"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_its_section(option, text):
    """The message names the section, the option and what was given."""
    said = refused(acme={option: text})
    assert f"[acme] {option} = {text!r}: " in said
    assert "[zeoserver] " + option in refused({option: text}, acme={})


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("user", "a b"), ("user", "root\n"), ("socket-group", "%n"), ("user", "$USER"),
        ("root", "/srv/a*b"), ("root", "/srv/a%b"), ("root", "/srv/it's"),
        ("root", '/srv/a"b'), ("root", "/srv/a\\b"),
        ("root", "/srv/a\nb"), ("root", "/srv/a ;b"), ("root", "/srv/a #b"),
        ("root", "/srv/[a]"), ("root", "/srv/a@b"), ("root", "/"), ("root", "~/zeo"),
    ],
)  # fmt: skip
def test_a_wrong_value_of_the_part(option, text):
    """Names and the root go into files that nothing may break out of."""
    if text == "root\n":
        assert declare(ROOT, {option: text}, acme={}).user == "root"
    else:
        assert f"[zeoserver] {option} = " in refused({option: text}, acme={})


@pytest.mark.parametrize(
    "name",
    [*sorted(RESERVED), "zeoserver", "buildout", "Acme", "a/b", "..", "a..b", ".a",
     "a+b", "a:b", "a%b", "-a", "a-", "ä", "a" * 65, "$a"],
)  # fmt: skip
def test_names_that_no_storage_can_have(name):
    """Reserved names, capitals, and what a file or a section could trip over."""
    assert f"storages: {name!r} cannot be a name" in refused(
        {"storages": f"acme {name}"}, acme={}, **{name: {}}
    )


@pytest.mark.parametrize("name", ["acme-prod", "0", "a.b_c-d", "a" * 64])
def test_names_that_a_storage_can_have(name):
    """Letters, digits and . _ - in between."""
    assert list(declare("/z", **{name: {}}).storages) == [name]


def test_everything_is_told_at_once():
    """One run tells every problem, of every section, and each only once."""
    said = refused(
        {
            "storages": "acme globex acme nobody",
            "user": "a b",
            "keep": "x",
            "zeo-conf": "zeo.conf",
            "colour": "red",
        },
        acme={"zeo-adress": "8100", "full-every": "0", "root": "/"},
        globex={"zeo-address": "0.0.0.0:8100", "monitor-address": "1"},
    )
    for part in (
        "storages names acme more than once",
        "there is no section [nobody]",
        "[zeoserver] user = 'a b'",
        "[zeoserver] the option zeo-conf is not supported",
        "[zeoserver] there is no option colour; there are backup-at",
        "[acme] there is no option zeo-adress; is zeo-address meant?",
        "[acme] full-every = '0'",
        "[acme] the option root belongs to the part",
        "[globex] zeo-address: other machines can reach 0.0.0.0:8100",
        "[globex] client-host is needed",
        "[globex] the option monitor-address is not supported: ZEO has no monitor",
    ):
        assert said.count(part) == 1, part
    assert said.count("[zeoserver] keep = 'x'") == 1
    assert said.count("\n- ") == 12
    assert said.startswith("12 options are wrong:")


@pytest.mark.parametrize("option", sorted(optionnames.REFUSED))
def test_options_of_old_recipes_are_refused_with_the_reason(option):
    """Wherever they stand, the message says why and what to use."""
    reason = f"the option {option} is not supported: {optionnames.REFUSED[option]}"
    assert f"[acme] {reason}" in refused(acme={option: "x"})
    assert f"[zeoserver] {reason}" in refused({option: "x"}, acme={})


def test_what_must_be_given():
    """A root, and at least one storage."""
    with pytest.raises(UsageError) as caught:
        declare("", {"storages": " "})
    assert "the option root is missing" in caught.value.message
    assert "the option storages names no section" in caught.value.message


def test_every_option_is_read():
    """Buildout never tells of an option that nobody read, nor of its own."""

    class Options(dict):
        def __getitem__(self, name):
            asked.add(name)
            return super().__getitem__(name)

    asked: set[str] = set()
    storage = {name: text for name, text in optionnames.STORAGE.items() if text}
    part = {"root": ROOT, "storages": "acme", "__buildout_signature__": "x"}
    given = Options(**part, recipe="karl.recipe.zeoserver")
    buildout = {"buildout": {"directory": "/srv"}, "acme": Options(**storage)}
    options.read(buildout, "zeoserver", given)
    assert asked == {"root", "storages", *storage}
