"""Copies are served, made live and given up, with real servers and clients."""

from __future__ import annotations

import pytest
from support.waiting import eventually
from support.zeofaults import quick
from support.zeoservers import database, fill, get, put
from ZODB.POSException import ReadOnlyError

from karl.recipe.release.base.reporter import SilentReporter
from karl.recipe.zeoserver.databases.state import Status
from karl.recipe.zeoserver.servers import control, processes, supervisor


def served(box, *storages):
    """Return a box whose storages are served, each with an empty database."""
    made = box(*storages)
    supervisor.start(made.central, SilentReporter())
    for name in storages:
        quick(made, "init", name)
    return made


def one(document, name="site"):
    """Return what a verb told of one storage."""
    return document["storages"][name]


def test_init_makes_a_database_that_works(box):
    """A new storage has a live, served, writable database after one command."""
    made = box("site")
    told = one(quick(made, "init", "site"))
    assert told["number"] == 1
    assert "zeoctl start" in told["text"]
    supervisor.start(made.central, SilentReporter())
    with made.client("site") as db:
        put(db, "greeting", "hello")
        assert get(db, "greeting") == "hello"
    assert "--new-copy" in one(quick(made, "init", "site", code=3))["error"]["next"]
    beside = one(quick(made, "init", "site", "--new-copy"))
    assert beside["number"] == 2
    assert made.state("site").live.number == 1


def test_a_dry_run_changes_nothing(box):
    """With --dry-run the plan is told, and not a file is made."""
    made = box("site")
    for words in (["init", "site"], ["prune", "site"]):
        told = one(quick(made, *words, "--dry-run"))
        assert told["dry_run"] is True
    assert not made.storage_places("site").root.exists()


def test_a_copy_is_served_beside_the_live_one(box):
    """serve tells how to connect to exactly this copy; unserve ends it."""
    made = served(box, "site")
    quick(made, "init", "site", "--new-copy")
    told = one(quick(made, "serve", "site", "2"))
    assert told["side"] == "b"
    assert told["database"] == "site-2"
    assert told["address"] == str(made.storage_places("site").socket("b"))
    assert told["zodb_conf"] == made.client_conf("site", 2)
    assert one(quick(made, "serve", "site", "2"))["changed"] is False
    with made.client("site", 2) as new, made.client("site") as live:
        put(new, "which", "new")
        put(live, "which", "live")
        assert (get(new, "which"), get(live, "which")) == ("new", "live")
    quick(made, "unserve", "site", "2")
    assert made.state("site").side_of(2) is None
    assert control.status(made.storage_places("site"), "b") is None
    assert one(quick(made, "unserve", "site", "2"))["changed"] is False
    one(quick(made, "unserve", "site", "1", code=3))
    assert control.status(made.storage_places("site"), "a")


def test_nothing_is_served_without_the_supervisor(box):
    """Without servers serve refuses before it changes anything."""
    made = box("site")
    quick(made, "init", "site")
    quick(made, "init", "site", "--new-copy")
    before = made.state("site")
    told = one(quick(made, "serve", "site", "2", code=3))
    assert "zeoctl start" in told["error"]["next"]
    assert made.state("site") == before


def test_a_damaged_copy_is_not_served(box):
    """What is no database is refused, before anything changes."""
    made = served(box, "site")
    quick(made, "init", "site", "--new-copy")
    before = made.state("site")
    made.storage_places("site").copy(2).data.write_bytes(b"rubbish" * 100)
    quick(made, "serve", "site", "2", code=4)
    assert made.state("site") == before


def test_a_copy_that_cannot_be_served_is_put_back(box):
    """A copy whose server does not come up is not served; live is untouched."""
    made = served(box, "site")
    quick(made, "init", "site", "--new-copy")
    before = made.state("site")
    copy = made.storage_places("site").copy(2)
    with database(copy.data, copy.blobs):
        quick(made, "serve", "site", "2", "--timeout", "2", code=8)
    assert made.state("site") == before
    assert not made.places.program("site", "b").exists()
    eventually(lambda: "site-b" not in supervisor.states(made.central))
    with made.client("site") as db:
        put(db, "still", "there")


def test_adopt_and_rollback(box):
    """Another copy goes live; going back demands that lost writes are accepted."""
    made = served(box, "site")
    places = made.storage_places("site")
    with made.client("site") as db:
        put(db, "which", "first")
    quick(made, "init", "site", "--new-copy")
    assert (
        "serve site 2"
        in one(quick(made, "adopt", "site", "2", code=3))["error"]["next"]
    )
    quick(made, "serve", "site", "2", "--read-only")
    refused = one(quick(made, "adopt", "site", "2", code=3))["error"]
    assert "--discard-writes" in refused["next"]
    with made.client("site") as old:
        told = one(quick(made, "adopt", "site", "2", "--discard-writes"))
        assert (told["number"], told["previous"]) == (2, 1)
        assert get(old, "which") == "first"
        with pytest.raises(ReadOnlyError):
            put(old, "which", "too late")
    state = made.state("site")
    assert state.live.number == 2
    assert state.copy(1).status is Status.FORMER
    assert one(quick(made, "adopt", "site", "2"))["changed"] is False
    # Nothing was written yet: going back costs nothing.
    quick(made, "adopt", "site", "1")
    # The first copy has a commit that the second never had.
    quick(made, "adopt", "site", "2", code=3)
    quick(made, "adopt", "site", "2", "--discard-writes")
    with made.client("site") as db:
        for number in range(3):
            put(db, "which", f"second {number}")
    refused = one(quick(made, "adopt", "site", "1", code=3))["error"]
    assert "3 transactions" in refused["message"]
    refused = one(quick(made, "adopt", "site", "1", "--dry-run", code=3))["error"]
    assert "3 transactions" in refused["message"]
    assert not control.status(places, "b").read_only
    told = one(quick(made, "adopt", "site", "1", "--discard-writes"))
    assert told["discarded"] == 3
    assert control.status(places, "b").read_only
    with made.client("site", 1) as db:
        assert get(db, "which") == "first"
        put(db, "which", "first again")
    quick(made, "retire", "site", "2")
    assert control.status(places, "b") is None
    assert (
        "retired" in one(quick(made, "serve", "site", "2", code=3))["error"]["message"]
    )
    assert one(quick(made, "prune", "site"))["removed"] == []
    assert one(quick(made, "prune", "site", "--keep", "0"))["removed"] == [2]
    assert not places.copy(2).root.exists()
    assert one(quick(made, "init", "site", "--new-copy"))["number"] == 3


def test_a_dead_live_copy_can_be_replaced(box):
    """If the live copy's server cannot start, another copy can still go live."""
    made = served(box, "site")
    quick(made, "init", "site", "--new-copy")
    quick(made, "serve", "site", "2")
    places = made.storage_places("site")
    processes.stop(made.central, "site", "a", SilentReporter())
    places.copy(1).data.write_bytes(b"rubbish")
    told = one(quick(made, "adopt", "site", "2", "--discard-writes"))
    assert told["number"] == 2
    with made.client("site") as db:
        put(db, "alive", True)


def test_a_live_copy_that_does_not_answer_is_not_left(box):
    """A server that has the live copy open but is deaf might still take commits."""
    made = served(box, "site")
    quick(made, "init", "site", "--new-copy")
    quick(made, "serve", "site", "2")
    places = made.storage_places("site")
    places.control("a").unlink()
    told = one(quick(made, "adopt", "site", "2", "--discard-writes", code=3))["error"]
    assert "open" in told["message"]
    state = made.state("site")
    assert state.live.number == 1
    assert not state.live.read_only


def test_other_files_are_left_alone(box):
    """A folder among the copies that is not one of ours is never removed."""
    made = served(box, "site")
    places = made.storage_places("site")
    foreign = places.copy(7)
    foreign.root.mkdir()
    foreign.data.write_bytes(b"precious")
    quick(made, "prune", "site", "--keep", "0")
    assert (
        "no database copy 7"
        in one(quick(made, "prune", "site", "--copy", "7", code=3))["error"]["message"]
    )
    assert one(quick(made, "init", "site", "--new-copy"))["number"] == 8
    assert foreign.data.read_bytes() == b"precious"
    problems = one(quick(made, "status", "site"))["problems"]
    assert any(str(foreign.root) in problem for problem in problems)


def test_pack_through_the_server(box):
    """Old revisions and garbage go, clients go on, and --dry-run told how much."""
    made = served(box, "site")
    copy = made.storage_places("site").copy(1)
    with made.client("site") as db:
        fill(db, 50, blobs=2, size=2000)
        put(db, "things", None)
        for number in range(20):
            put(db, "number", number)
        size = copy.data.stat().st_size
        estimate = one(quick(made, "pack", "site", "--days", "0", "--dry-run"))[
            "estimate"
        ]
        assert copy.data.stat().st_size == size
        everything = one(quick(made, "pack", "site", "--days", "36500"))
        assert everything["size"] == everything["size_before"]
        told = one(quick(made, "pack", "site", "--days", "0"))
        put(db, "number", "after")
        assert get(db, "number") == "after"
    assert told["size_before"] == size
    assert estimate["blobs"] == 2
    assert abs(told["size_before"] - told["size"] - estimate["bytes"]) < 100
    assert made.state("site").live.packed
    assert one(quick(made, "pack", "site", "--dry-run"))["estimate"]["bytes"] == 0


def test_commits_are_not_lost_by_going_there_and_back(box):
    """A copy that was left stays refused while the live one has commits it lacks."""
    made = served(box, "site")
    with made.client("site") as db:
        put(db, "number", 1)
    quick(made, "backup", "site")
    with made.client("site") as db:
        put(db, "number", 2)
    quick(made, "restore", "site", "--to-new-copy")
    quick(made, "serve", "site", "2")
    quick(made, "adopt", "site", "2", code=3)
    quick(made, "adopt", "site", "2", "--discard-writes")
    quick(made, "adopt", "site", "1")
    refused = one(quick(made, "adopt", "site", "2", code=3))
    assert "1 transaction that" in refused["error"]["message"]
