"""Commits are refused and accepted in place, under load, with real clients."""

from __future__ import annotations

import threading
import time

import pytest
import transaction
from support.waiting import eventually
from support.zeofaults import FAULTS, quick, run_with_fault
from support.zeoservers import database, fill, get, put
from ZEO.Exceptions import ClientDisconnected
from ZODB.Connection import TransactionMetaData
from ZODB.POSException import ReadOnlyError
from ZODB.utils import z64

from karl.recipe.release.base.errors import RefusedError
from karl.recipe.zeoserver.databases.state import Status
from karl.recipe.zeoserver.operations import modes
from karl.recipe.zeoserver.operations.storage import changing
from karl.recipe.zeoserver.servers import control


@pytest.fixture
def served(box):
    """A database server whose storage is served, without supervisord."""
    box.process = box.runner("acme")
    eventually(lambda: control.status(box.storage_places("acme"), "a"))
    return box


def set_mode(box, **options):
    return modes.set_mode(box.storage("acme"), **options)


def voted(db):
    """Begin a commit that is voted for, and not finished."""
    storage = db.storage
    data, _ = storage.load(z64)
    txn = TransactionMetaData()
    storage.tpc_begin(txn)
    storage.store(storage.new_oid(), z64, data, "", txn)
    storage.tpc_vote(txn)
    return txn


def counts(box):
    """Return the counters of the load in the file, after the server has ended."""
    copy = box.storage_places("acme").copy(1)
    with database(copy.data, copy.blobs) as db, db.transaction() as connection:
        return {
            key: value["count"]
            for key, value in connection.root().items()
            if key.startswith("counter-")
        }


def test_reads_go_on_and_writes_are_refused(served):
    """Under load no read fails, and in the window, and only there, no write is made."""
    load = served.load("acme", readers=2, writers=2, blobs=True)
    load.wait(10, "write")
    begun = time.time()
    result = set_mode(served, read_only=True)
    frozen = time.time()
    end = control.status(served.storage_places("acme"), "a")
    load.wait(10, "read")
    load.wait(10, "write", error="ReadOnlyError")
    still = control.status(served.storage_places("acme"), "a")
    thawing = time.time()
    set_mode(served, read_only=False)
    thawed = time.time()
    load.wait(10, "write")
    done = load.stop()
    writes = [each for each in done if each["kind"] == "write"]
    assert {each["error"] for each in done if each["kind"] == "read"} == {None}
    assert (still.tid, still.position) == (result["tid"], result["position"])
    assert (end.tid, end.position) == (result["tid"], result["position"])
    outside = [w for w in writes if w["end"] < begun or w["start"] > thawed]
    assert {each["error"] for each in outside} == {None}
    inside = [w for w in writes if w["start"] > frozen and w["end"] < thawing]
    assert {each["error"] for each in inside} == {"ReadOnlyError"}
    assert {each["error"] for each in writes} == {None, "ReadOnlyError"}


def test_what_clients_were_told_is_in_the_database(served):
    """Each commit that a client was told of is there; none that was refused is."""
    load = served.load("acme", readers=0, writers=3)
    for _ in range(2):
        load.wait(5, "write")
        set_mode(served, read_only=True)
        load.wait(3, "write", error="ReadOnlyError")
        set_mode(served, read_only=False)
    load.wait(5, "write")
    told = {}
    for each in load.stop():
        if each["error"] is None and "count" in each:
            told[each["thread"]] = each["count"]
    served.process.terminate()
    served.process.wait(20)
    assert sorted(counts(served).values()) == sorted(told.values())


def test_a_commit_in_flight_may_end(served):
    """A commit that was voted for is finished within the bound, and is there."""
    with served.client("acme") as db, served.client("acme") as other:
        txn = voted(db)
        freezing = threading.Thread(
            target=set_mode, args=(served,), kwargs={"read_only": True, "bound": 30}
        )
        freezing.start()
        places = served.storage_places("acme")
        eventually(lambda: control.status(places, "a").read_only)
        with pytest.raises(ReadOnlyError):
            put(other, "x", 1)
        tid = db.storage.tpc_finish(txn)
        freezing.join(20)
        assert control.status(places, "a").tid == tid.hex()


def test_a_client_that_does_not_finish_is_cut_off(served):
    """After the bound a stuck commit is aborted; other clients notice nothing."""
    with served.client("acme") as db, served.client("acme") as other:
        tid = put(other, "x", 1)
        other_connection = other.open()
        txn = voted(db)
        result = set_mode(served, read_only=True, bound=0.2)
        assert result["tid"] == tid
        with pytest.raises(ClientDisconnected):
            db.storage.tpc_finish(txn)
        db.storage.tpc_abort(txn)
        other_connection.cacheMinimize()
        assert other_connection.root()["x"] == 1
        other_connection.close()
        set_mode(served, read_only=False)
        put(other, "x", 2)
        eventually(lambda: get(db, "x") == 2)


def test_a_stuck_commit_is_cut_off_by_the_transaction_timeout(served):
    """After the transaction-timeout others can commit again; ZEO alone would hang."""
    served.process.terminate()
    served.process.wait(20)
    served.declare("acme", transaction_timeout=1)
    served.write()
    served.process = served.runner("acme")
    with served.client("acme") as db, served.client("acme") as other:
        txn = voted(db)
        put(other, "x", 1)
        db.storage.tpc_abort(txn)
        assert get(db, "x") == 1


def test_the_mode_survives_a_kill(served):
    """A killed server is read-only as before; its clients need no restart to write."""
    with served.client("acme") as db:
        put(db, "x", 1)
        set_mode(served, read_only=True)
        served.process.kill()
        served.process.wait(20)
        served.process = served.runner("acme")
        # What is asked in the moment of the kill may be lost.
        eventually(lambda: get(db, "x") == 1)
        with pytest.raises(ReadOnlyError):
            put(db, "x", 2)
        set_mode(served, read_only=False)
        put(db, "x", 3)


def test_a_client_that_connects_meanwhile_can_write_later(served):
    """Who connects to a read-only server reads, and writes as soon as that may be."""
    set_mode(served, read_only=True)
    with served.client("acme") as db:
        with pytest.raises(ReadOnlyError):
            put(db, "x", 1)
        set_mode(served, read_only=False)
        put(db, "x", 2)
        assert get(db, "x") == 2


def test_refused_blobs_leave_nothing(served):
    """Blobs of a refused commit are removed from the server's disk."""
    with served.client("acme") as db:
        set_mode(served, read_only=True)
        with pytest.raises(ReadOnlyError):
            fill(db, objects=1, blobs=3, size=100_000)
        transaction.abort()
    blobs = served.storage_places("acme").copy(1).blobs
    assert not list(blobs.rglob("*.blob"))
    eventually(lambda: not list((blobs / "tmp").iterdir()))


def test_clients_cannot_pack(served):
    """A client's own pack is refused; the database stays as it is."""
    with served.client("acme") as db:
        put(db, "x", 1)
        put(db, "x", 2)
        with pytest.raises(ReadOnlyError, match="zeoctl pack"):
            db.pack()
    assert not served.storage_places("acme").copy(1).before_pack.exists()


def test_both_are_idempotent_and_work_without_a_server(box):
    """Without a server the mode is for its next start; asking twice changes nothing."""
    first = set_mode(box, read_only=True)
    assert (first["changed"], first["served"]) == (True, False)
    again = set_mode(box, read_only=True)
    assert (again["changed"], again["tid"]) == (False, first["tid"])
    box.runner("acme")
    places = box.storage_places("acme")
    assert eventually(lambda: control.status(places, "a")).read_only
    assert set_mode(box, read_only=True)["served"]
    assert not set_mode(box, read_only=False, dry_run=True).get("changed")
    assert set_mode(box, read_only=False)["mode"] == "writable"
    assert not control.status(places, "a").read_only


def test_a_server_that_was_not_told_is_told_again(served):
    """After a kill between state and server, the same command makes both right."""
    places = served.storage_places("acme")
    set_mode(served, read_only=True)
    control.set_mode(places, "a", read_only=False, bound=1)
    again = set_mode(served, read_only=True)
    assert (again["changed"], again["served"]) == (False, True)
    assert control.status(places, "a").read_only


@pytest.mark.parametrize("what", ["kill", "full disk"])
@pytest.mark.parametrize("verb", ["read-only", "writable"])
def test_a_fault_at_any_step_is_mended_by_the_next_run(served, verb, what):
    """Killed, or on a full disk, at each step: running it again makes all right."""
    places = served.storage_places("acme")
    wanted = verb == "read-only"
    number, fired = 0, True
    while fired:
        number += 1
        set_mode(served, read_only=not wanted)
        fired = run_with_fault(served, number, FAULTS[what], verb, "acme")
        quick(served, verb, "acme")
        assert served.state("acme").copy(1).read_only == wanted
        assert control.status(places, "a").read_only == wanted
    assert number > 3


@pytest.mark.parametrize("status", [Status.FORMER, Status.RETIRED])
def test_what_is_kept_stays_read_only(box, status):
    """A former or retired copy is never made writable."""
    box.make_copy("acme", 2, side=None, status=status, read_only=True)
    with pytest.raises(RefusedError, match="stays read-only"):
        set_mode(box, read_only=False, number=2)


def test_a_long_command_delays_no_read_only(served):
    """Commits are refused at once during a backup, which does not undo it later."""
    storage = served.storage("acme")
    with changing(storage, "backup", "back up acme") as change:
        before = storage.state()
        assert set_mode(served, read_only=True)["mode"] == "read-only"
        change.save(before)
    assert storage.state().copy(1).read_only
    assert control.status(served.storage_places("acme"), "a").read_only
