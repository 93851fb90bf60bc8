"""What two storages cannot share, and who could reach a server."""

from __future__ import annotations

import pytest
from support.zeodeclared import declare
from zeoserver.declaration.test_options import ROOT, TLS, refused

from karl.recipe.zeoserver.declaration import addresses
from karl.recipe.zeoserver.declaration.model import Address


def address(text: str) -> str:
    found = declare(ROOT, TLS, acme={"zeo-address": text, "client-host": "db.example"})
    return str(found.storages["acme"].addresses["a"])


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("8100", "127.0.0.1:8100"), (":8100", "127.0.0.1:8100"),
        ("LocalHost:8100", "localhost:8100"), ("[::1]:8100", "[::1]:8100"),
        ("[0:0::1]:8100", "[::1]:8100"), ("*:8100", "0.0.0.0:8100"),
        ("[::]:1", "[::]:1"), ("db.example:65535", "db.example:65535"),
        ("/run/zeo/{storage}.sock", "/run/zeo/acme.sock"),
        ("./a b#$.sock", "/srv/checkout/a b#$.sock"),
    ],
)  # fmt: skip
def test_how_addresses_are_written(text, meaning):
    """A port alone is this machine's own; a slash makes a Unix socket."""
    assert address(text) == meaning


@pytest.mark.parametrize(
    "text", ["0.0.0.0:8100", "*:8100", "[::]:8100", "10.0.0.1:8100", "db.example:8100",
             "[2001:db8::1]:8100"],
)  # fmt: skip
def test_other_machines_need_certificates(text):
    """An address that others can reach is refused without TLS, on either side."""
    for option in ("zeo-address", "zeo-address-b"):
        said = refused(acme={option: text, "client-host": "db"})
        assert f"[acme] {option}: other machines can reach" in said
        declare(ROOT, TLS, acme={option: text, "client-host": "db"})


@pytest.mark.parametrize(
    "text", ["8100", "127.9.9.9:8100", "localhost:1", "[::1]:1", "[::ffff:127.0.0.1]:1"]
)
def test_this_machine_alone_needs_none(text):
    """Loopback addresses are served without TLS."""
    declare(ROOT, acme={"zeo-address": text})


@pytest.mark.parametrize("end", ["", "client-"])
@pytest.mark.parametrize("missing", ["certificate", "key", "authenticate"])
def test_certificates_are_whole(end, missing):
    """Certificate, key and whom to trust: all three, for both ends."""
    given = {name: text for name, text in TLS.items() if name != f"{end}ssl-{missing}"}
    said = refused(given, acme={"zeo-address": "8100"})
    assert f"{end}ssl-certificate, {end}ssl-key and {end}ssl-authenticate" in said


def test_a_server_with_tls_has_clients_with_tls():
    """What is generated for the site must be able to connect."""
    server = {name: text for name, text in TLS.items() if not name.startswith("client")}
    said = refused(server, acme={"zeo-address": "8100"})
    assert "client-ssl-certificate" in said
    declare(ROOT, server, acme={})  # Unix sockets need neither


def test_an_address_of_all_interfaces_needs_a_name_for_clients():
    """Nobody can connect to 0.0.0.0."""
    assert "client-host is needed" in refused(TLS, acme={"zeo-address": "*:8100"})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("8100", "127.0.0.1:8100"), ("localhost:8100", "8100"),
        ("localhost:8100", "[::1]:8100"), ("*:8100", "10.0.0.1:8100"),
        ("[::]:8100", "10.0.0.1:8100"), ("db.example:8100", "10.0.0.1:8100"),
        ("DB.example:8100", "db.example:8100"), ("/run/x.sock", "/run/../run/x.sock"),
        ("[::1]:8100", "[0::1]:8100"),
    ],
)  # fmt: skip
def test_addresses_that_collide(one, other):
    """Whether within one storage or between two, both sides are named."""
    part = {**TLS, "client-host": "db"}
    said = refused(part, acme={"zeo-address": one, "zeo-address-b": other})
    assert "the addresses [acme] a and [acme] b collide" in said
    said = refused(part, acme={"zeo-address": one}, globex={"zeo-address-b": other})
    assert "the addresses [acme] a and [globex] b collide" in said


@pytest.mark.parametrize(
    ("one", "other"),
    [("8100", "8101"), ("8100", "127.0.0.2:8100"), ("8100", "[::1]:8100"),
     ("/run/x.sock", "/run/y.sock"), ("8100", "/run/8100")],
)  # fmt: skip
def test_addresses_that_do_not_collide(one, other):
    """Another port, another address of the loopback, another socket."""
    declare(ROOT, acme={"zeo-address": one, "zeo-address-b": other})


def test_sockets_that_are_the_same_through_a_link_collide(tmp_path):
    """It is the place that counts, not its name."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    said = refused(
        acme={
            "zeo-address": f"{tmp_path}/real/s",
            "zeo-address-b": f"{tmp_path}/link/s",
        }
    )
    assert "collide" in said


@pytest.mark.parametrize(
    "path",
    ["acme/state.json", "acme/databases/1/Data.fs", "globex/run/a.sock", "bin/zeoctl",
     "var/supervisor.sock", "acme/control/a.sock", "acme/run", "x"],
)  # fmt: skip
def test_a_socket_cannot_be_among_our_files(path):
    """A server removes what has its socket's name before it listens."""
    said = refused(acme={"zeo-address-b": f"{ROOT}/{path}"}, globex={})
    assert f"the socket {ROOT}/{path}" in said or "collide" in said


def test_a_socket_cannot_be_among_backups():
    """Nor in a folder that holds a storage's backups."""
    said = refused(acme={"zeo-address": "/b/acme/x", "backups": "/b/acme"})
    assert "among other files" in said


def test_a_socket_in_the_storages_own_run_folder_can_be():
    """That is what the folder is for."""
    declare(ROOT, acme={"zeo-address": f"{ROOT}/acme/run/live.sock"})


@pytest.mark.parametrize(
    ("first", "second"),
    [("/b", "/b"), ("/b", "/b/globex"), ("/b/acme", "/b"), ("/b/x/..", "/b")],
)
def test_backups_are_in_folders_of_their_own(first, second):
    """None is another's, nor in another's."""
    said = refused(acme={"backups": first}, globex={"backups": second})
    assert "[acme] backups and [globex] backups are the same folder" in said
    assert "in the other" in refused(acme={"backups": first, "scratch": second})
    assert "{storage}" in refused({"backups": first}, acme={}, globex={})
    declare(ROOT, {"backups": "/b/{storage}"}, acme={}, globex={})


@pytest.mark.parametrize("option", ["backups", "scratch"])
@pytest.mark.parametrize("path", [ROOT, f"{ROOT}/x", f"{ROOT}/acme/databases", "/srv"])
def test_no_folder_is_in_the_root_or_around_it(option, path):
    """What the root holds is spoken for."""
    assert "in the root or contains it" in refused(acme={option: path})


def test_paths_of_sockets_have_a_limit():
    """107 bytes, and supervisord needs some more for a name of its own."""
    longest = "/" + "s" * 106
    declare(ROOT, acme={"zeo-address": longest})
    assert "108 bytes" in refused(acme={"zeo-address": f"{longest}s"})
    assert "108 bytes" in refused(acme={"zeo-address": "/" + "ä" * 53 + "s"})
    ports = {"zeo-address": "1", "zeo-address-b": "2"}
    part = "/" + "r" * 30 + "/" + "r" * (99 - len("/var/supervisor.sock") - 32)
    declare(part, a=ports)
    assert f"{part}r/var/supervisor.sock has 100" in refused(
        {"root": f"{part}r"}, a=ports
    )
    assert "aaaa/control/a.sock has 1" in refused({"root": part}, **{"a" * 64: ports})


def test_what_stands_for_any_host():
    """A name may be any host; so only its port decides."""
    assert addresses.collide(Address(host="a", port=1), Address(host="b", port=1))
    assert not addresses.collide(Address(host="a", port=1), Address(host="b", port=2))
