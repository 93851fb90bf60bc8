"""zeo.conf and zodb.conf, read by ZEO and ZODB themselves."""

from __future__ import annotations

import io
import socket
import warnings

import pytest
import ZConfig
import ZODB.config
from support.zeodeclared import declare
from ZEO.runzeo import ZEOOptions

from karl.recipe.release.base.errors import UsageError
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.rendering import clientconf, zconfig, zeoconf

#: What a path may have; each was something else to some reader of some file.
ODD = [
    "plain",
    "with blanks",
    "a#b c#d",
    "$HOME ${x} $$",
    "käse 文",
    "a%b%(c)s",
    "it's",
]


def server(central: Central, side: str = "a", *, read_only: bool = False) -> ZEOOptions:
    """Return the options of a server as ZEO reads them."""
    places = central.storage_places("acme")
    for folder in (places.copy(43).root, places.run, places.logs):
        folder.mkdir(parents=True, exist_ok=True)
    path = central.places.zeo_conf("acme", side)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        zeoconf.render(central, "acme", side, 43, read_only=read_only), encoding="utf-8"
    )
    options = ZEOOptions()
    options.realize(["-C", str(path)])
    return options


def client(central: Central, side: str = "a"):
    """Return the configuration of a client's storage as ZODB reads it."""
    text = clientconf.render(central, "acme", 43, side)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found, _ = ZConfig.loadConfigFile(ZODB.config.getDbSchema(), io.StringIO(text))
    [database] = found.database
    assert database.name == "main"
    return database.config.storage.config


@pytest.mark.parametrize("name", ODD)
def test_paths_are_read_back_as_they_are(place, name):
    """Whatever stands in a path, server and client see that path."""
    folder = place / name
    folder.mkdir()
    central = Central(
        str(folder / "zc"),
        "zc",
        storages=declare(
            "/zc",
            {"client-folder": f"{folder}/cache", "client-cache": "w1"},
            acme={"zeo-address": f"{place}/s {name}"[:100]},
        ).storages,
    )
    options = server(central)
    places = central.storage_places("acme")
    [storage] = options.storages
    assert storage.name == "acme-43"
    assert storage.config.path == str(places.copy(43).data)
    assert storage.config.blob_dir == str(places.copy(43).blobs)
    assert options.address == str(central.storages["acme"].addresses["a"])
    assert options.family == socket.AF_UNIX
    [handler] = options.config_logger.handler_factories
    assert handler.section.path == str(places.log("a"))
    found = client(central)
    assert [each.address for each in found.server] == [options.address]
    assert found.cache_path == f"{folder}/cache/acme-43.w1.zec"
    assert found.blob_dir == f"{folder}/cache/acme-43.blobs"


def test_every_option_reaches_the_server(place):
    """What is declared is what ZEO is told."""
    given = {
        "zeo-address-b": "[::1]:8101", "invalidation-queue-size": "7",
        "invalidation-age": "90", "transaction-timeout": "11",
        "client-conflict-resolution": "true", "pack-gc": "false",
        "pack-keep-old": "false", "zeo-log-level": "error",
    }  # fmt: skip
    options = server(declare(place / "zc", acme=given), "b", read_only=True)
    assert options.family == socket.AF_INET6
    assert options.address == ("::1", 8101)
    assert options.read_only is True
    assert options.invalidation_queue_size == 7
    assert options.invalidation_age == 90
    assert options.transaction_timeout == 11
    assert options.client_conflict_resolution is True
    assert options.pid_file is None
    assert options.config_logger.level == 40
    [storage] = options.storages
    assert storage.config.pack_gc is False
    assert storage.config.pack_keep_old is False
    assert not storage.config.create
    assert not storage.config.read_only


def test_the_defaults_of_a_server(place):
    """A server is writable, and collects garbage when it packs."""
    options = server(declare(place / "zc", acme={"zeo-address": "8100"}))
    assert (options.family, options.address) == (socket.AF_INET, ("127.0.0.1", 8100))
    assert options.read_only is False
    assert options.invalidation_age is None
    assert options.ssl is None
    assert options.storages[0].config.pack_gc is True


def test_further_lines_reach_their_section(place):
    """A further key stands in <zeo>, a log handler in <eventlog>."""
    given = {
        "zeo-conf-additional": "new-key 1",
        "zeo-log-custom": "<logfile>\n  path STDOUT\n</logfile>",
    }
    central = declare(place / "zc", acme=given)
    text = zeoconf.render(central, "acme", "a", 1, read_only=False)
    assert "  new-key 1\n" in text.partition("</zeo>")[0]
    known = declare(place / "zc", acme={"zeo-log-custom": given["zeo-log-custom"]})
    [handler] = server(known).config_logger.handler_factories
    assert handler.section.path == "STDOUT"


def test_certificates_of_both_ends(place):
    """TLS is configured for addresses of the network, and not for Unix sockets."""
    part = {
        f"{end}ssl-{name}": f"/tls $1/{end}{name}.pem"
        for end in ("", "client-")
        for name in ("certificate", "key", "authenticate")
    }
    given = {"zeo-address": "0.0.0.0:8100", "client-host": "db.example"}
    central = declare(place / "zc", part, acme=given)
    text = zeoconf.render(central, "acme", "a", 43, read_only=False)
    for name in ("certificate", "key", "authenticate"):
        assert f"{name} /tls $$1/{name}.pem\n" in text
        assert f"{name} /tls $$1/client-{name}.pem\n" in clientconf.render(
            central, "acme", 43, "a"
        )
    assert "<ssl>" not in zeoconf.render(central, "acme", "b", 43, read_only=False)
    text = clientconf.render(central, "acme", 43, "a")
    assert "server db.example:8100\n" in text
    assert "server-hostname db.example\n" in text
    assert "<ssl>" not in clientconf.render(central, "acme", 43, "b")
    named = declare(
        place / "zc", {**part, "client-ssl-server-hostname": "zeo"}, acme=given
    )
    assert "server-hostname zeo\n" in clientconf.render(named, "acme", 43, "a")


def test_every_option_reaches_the_client(place):
    """What is declared for the site's side is what its ZODB is told."""
    given = {
        "zeo-address": "8100", "client-wait-timeout": "9", "client-cache-size": "64MB",
        "client-blob-cache-size": "2GB", "client-folder": "/c",
    }  # fmt: skip
    found = client(declare(place / "zc", acme=given))
    assert [each.address for each in found.server] == [("127.0.0.1", 8100)]
    assert found.storage == found.name == "acme-43"
    assert found.read_only_fallback is True
    assert found.server_sync is True
    assert found.wait_timeout == 9
    assert found.cache_size == 64 << 20
    assert found.blob_cache_size == 2 << 30
    assert found.cache_path is None
    assert found.shared_blob_dir is False


def test_shared_blobs_are_the_copys_own(place):
    """A client on the same machine may use the server's blobs themselves."""
    central = declare(place / "zc", acme={"client-shared-blobs": "true"})
    found = client(central)
    assert found.shared_blob_dir is True
    assert found.blob_dir == str(central.storage_places("acme").copy(43).blobs)


def test_nothing_of_a_client_is_shared_between_copies(place):
    """Storage, cache and blobs of one copy are never another's."""
    central = declare(place / "zc", acme={"client-cache": "w"})
    one = set(clientconf.render(central, "acme", 43, "a").splitlines())
    other = set(clientconf.render(central, "acme", 44, "a").splitlines())
    changed = {line.split()[0] for line in one - other}
    assert changed == {"storage", "name", "cache-path", "blob-dir"}


@pytest.mark.parametrize("text", ["a\nb", "a\x00", "a\u2028b", " a", "a "])
def test_what_no_line_can_carry_is_refused(text):
    """A value with a line end never reaches a file."""
    with pytest.raises(UsageError):
        zconfig.value(text)
