"""Clients with persistent caches across a switch to another copy, and back."""

from __future__ import annotations

import contextlib

import pytest
from support.waiting import eventually
from support.zeoservers import get, put
from ZEO.Exceptions import ClientDisconnected

from karl.recipe.zeoserver.databases.state import Status
from karl.recipe.zeoserver.servers import control


@pytest.fixture
def two_copies(box):
    """Copy 1 and a copy of it, both served, and each with a history of its own."""
    places = box.storage_places("acme")
    runner = box.runner("acme")
    eventually(lambda: control.status(places, "a"))
    with box.client("acme") as db:
        put(db, "of", "both")
        put(db, "only", 0)
    runner.terminate()
    runner.wait(20)
    box.make_copy("acme", 2, side="b", status=Status.READY, source=1)
    for side in "ab":
        box.runner("acme", side)
    for side in "ab":
        eventually(lambda side=side: control.status(places, side))
    return box


def test_caches_are_never_shared(two_copies):
    """Two clients that go from copy to copy and back see what is in each, only."""
    for number in (1, 2):
        with two_copies.client("acme", number) as db:
            put(db, "only", number)
    for number in (1, 2, 1, 2):
        with contextlib.ExitStack() as held:
            clients = [
                held.enter_context(two_copies.client("acme", number, cache=name))
                for name in ("worker-1", "worker-2")
            ]
            for db in clients:
                assert get(db, "of") == "both"
                assert get(db, "only") == number
                assert db.storage.getName().startswith(f"acme-{number}")
            tid = put(clients[0], "mark", number)
            eventually(lambda: get(clients[1], "mark") == number)  # noqa: B023
            assert clients[0].lastTransaction().hex() == tid
    caches = sorted(path.name for path in (two_copies.root / "client").glob("*.zec"))
    assert caches == [f"acme-{n}.worker-{w}.zec" for n in (1, 2) for w in (1, 2)]


def test_a_copy_is_not_reached_by_the_name_of_another(two_copies):
    """A client of one copy, sent to the address of another, is turned away."""
    text = two_copies.client_conf("acme", 1, wait_timeout=1)
    addresses = two_copies.central.storages["acme"].addresses
    crossed = text.replace(str(addresses["a"]), str(addresses["b"]))
    import ZODB.config

    with pytest.raises(ClientDisconnected):
        ZODB.config.databaseFromString(crossed)


def test_modes_are_of_one_copy(two_copies):
    """Making one copy read-only leaves the other writable."""
    two_copies.zeoctl("read-only", "acme", "--copy", "2")
    with two_copies.client("acme", 1) as db:
        put(db, "x", 1)
    found = two_copies.zeoctl("status", "acme", "--copies")["storages"]["acme"]
    assert [each["mode"] for each in found["copies"]] == ["writable", "read-only"]
    assert [each["mode"] for each in found["servers"]] == ["writable", "read-only"]
