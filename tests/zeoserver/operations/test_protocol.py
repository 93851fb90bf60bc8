"""The whole cut-over of a site and its rollback, with clients at work."""

from __future__ import annotations

import multiprocessing

import pytest
from support.zeofaults import content, quick
from support.zeoservers import database, fill, get, put

from karl.recipe.release.base.reporter import SilentReporter
from karl.recipe.zeoserver.databases.state import Status
from karl.recipe.zeoserver.servers import supervisor


def one(document):
    return document["storages"]["site"]


def served(box):
    """Return a box with a live, served database of objects and blobs."""
    made = box("site")
    supervisor.start(made.central, SilentReporter())
    quick(made, "init", "site")
    with made.client("site") as db:
        fill(db, 50, blobs=3)
        put(db, "version", "old")
    return made


def succeeded(operations):
    """Return the transactions of the writes that succeeded."""
    return [each["tid"] for each in operations if each.get("tid") and not each["error"]]


@pytest.mark.slow
def test_cut_over_and_rollback_under_load(box):
    """No read fails, no write that succeeded is lost, and old never meets new."""
    made = served(box)
    places = made.storage_places("site")
    load = made.load("site", readers=1, writers=2, blobs=True, pause=0.01)
    load.wait(5, "write")
    rehearse(made, load)
    before = cut_over(made, load)
    assert content(places, 1) == before

    state = made.state("site")
    assert state.live.number == 3
    assert state.copy(1).status is Status.FORMER
    load.wait(2, "write", error="ReadOnlyError")
    load.wait(3, "read")
    new = made.load("site", readers=1, writers=1, pause=0.01)
    new.wait(5)
    with made.client("site", 1) as old:
        assert get(old, "version") == "old"

    refused = one(quick(made, "adopt", "site", "1", code=3))["error"]
    assert "transactions" in refused["message"]
    back = one(quick(made, "adopt", "site", "1", "--discard-writes"))
    assert back["discarded"] >= 5
    load.wait(5, "write")
    new.wait(1, "write", error="ReadOnlyError")
    done = load.stop()
    assert not [each for each in done if each["kind"] == "read" and each["error"]]
    new.stop()
    quick(made, "retire", "site", "3")
    assert set(succeeded(done)) <= set(_transactions(places, 1))
    assert made.state("site").live.number == 1


def rehearse(made, load):
    """Stage copy 2, catch it up, spoil it, and stage copy 3 in its place."""
    places = made.storage_places("site")
    staged = one(quick(made, "stage", "site"))
    assert (staged["number"], staged["status"], staged["parent"]) == (2, "staged", 1)
    load.wait(3, "write")
    tail = one(quick(made, "catch-up", "site", "2"))
    assert tail["live_writable"] is True
    assert tail["added"] > 0
    with database(places.copy(2).data, places.copy(2).blobs) as db:
        put(db, "version", "rehearsed")
    spoilt = one(quick(made, "catch-up", "site", "2", code=3))["error"]
    assert "--again" in spoilt["next"]
    assert one(quick(made, "stage", "site", "--again"))["number"] == 3
    assert not places.copy(2).root.exists()


def cut_over(made, load):
    """Make copy 3 live, evolved; return what copy 1 was when it became read-only."""
    places = made.storage_places("site")
    one(quick(made, "catch-up", "site", "3", "--final", code=3))
    frozen = one(quick(made, "read-only", "site"))
    load.wait(2, "write", error="ReadOnlyError")
    load.wait(3, "read")
    words = ("catch-up", "site", "3", "--final", "--tid", frozen["tid"])
    assert one(quick(made, *words))["tid"] == frozen["tid"]
    before = content(places, 1)
    assert content(places, 3) == before
    with database(places.copy(3).data, places.copy(3).blobs) as db:
        put(db, "version", "new")
    assert one(quick(made, "serve", "site", "3"))["database"] == "site-3"
    with made.client("site", 3) as db:
        assert get(db, "version") == "new"
    quick(made, "adopt", "site", "3")
    return before


def _transactions(places, number):
    from ZODB.FileStorage import FileIterator

    for each in FileIterator(str(places.copy(number).data)):
        yield each.tid.hex()


def test_caches_never_mix_two_copies(box):
    """With persistent caches, across a switch and a rollback, each sees its own."""
    made = served(box)
    places = made.storage_places("site")

    def seen(number):
        with made.client("site", number, cache="main") as db:
            return get(db, "version")

    assert seen(1) == "old"
    quick(made, "stage", "site")
    with database(places.copy(2).data, places.copy(2).blobs) as db:
        put(db, "version", "new")
    quick(made, "serve", "site", "2")
    assert (seen(2), seen(1)) == ("new", "old")
    quick(made, "adopt", "site", "2")
    with made.client("site", 2, cache="main") as db:
        put(db, "version", "newer")
    assert (seen(2), seen(1)) == ("newer", "old")
    quick(made, "adopt", "site", "1", "--discard-writes")
    with made.client("site", 1, cache="main") as db:
        put(db, "version", "old, and on")
    assert (seen(1), seen(2)) == ("old, and on", "newer")


def test_adopting_before_catching_up_is_refused(box):
    """What was committed since the copy was staged is not lost by haste."""
    made = served(box)
    quick(made, "stage", "site")
    with made.client("site") as db:
        put(db, "late", 1)
        put(db, "late", 2)
    quick(made, "serve", "site", "2")
    refused = one(quick(made, "adopt", "site", "2", code=3))["error"]
    assert "2 transactions" in refused["message"]
    assert "catch-up" in refused["next"]
    quick(made, "unserve", "site", "2")
    quick(made, "catch-up", "site", "2")
    quick(made, "serve", "site", "2")
    quick(made, "adopt", "site", "2")
    with made.client("site") as db:
        assert get(db, "late") == 2


def test_a_staged_copy_holds_the_storage(box):
    """Nothing packs the live copy, nor stages another, until it is gone."""
    made = served(box)
    quick(made, "stage", "site")
    for words in (["pack", "site"], ["stage", "site"]):
        assert "staged" in one(quick(made, *words, code=3))["error"]["message"]
    quick(made, "retire", "site", "2")
    quick(made, "pack", "site", "--days", "0")
    quick(made, "stage", "site")


def test_the_asserted_transaction_counts(box):
    """catch-up fails if the copy does not end with the transaction that is named."""
    made = served(box)
    quick(made, "stage", "site")
    quick(made, "read-only", "site")
    told = one(quick(made, "catch-up", "site", "2", "--tid", "0" * 16, code=3))
    assert "ends with transaction" in told["error"]["message"]


@pytest.mark.parametrize(
    "words",
    [
        ["catch-up", "site", "2", "--tid", "now"],
        ["catch-up", "site", "two"],
        ["serve", "site", "1", "--timeout", "nan"],
        ["serve", "site", "1", "--side", "c"],
        ["pack", "site", "--days", "-1"],
        ["pack", "site", "--days", "1e9"],
        ["pack", "site", "--wait", "inf"],
        ["prune", "site", "--keep", "-1"],
        ["prune"],
        ["import", "site"],
        ["restore", "site", "--to-new-copy", "--at", "yesterday"],
    ],
    ids=" ".join,
)
def test_words_that_mean_nothing(box, words):
    """A command line that cannot be understood is refused, and changes nothing."""
    made = box("site")
    quick(made, *words, code=2)
    assert not made.storage_places("site").databases.exists()


def test_two_at_once(box):
    """A second command is refused as busy, or waits as long as it is told to."""
    made = served(box)
    places = made.storage_places("site")
    ready, release = multiprocessing.Event(), multiprocessing.Event()
    holder = multiprocessing.Process(
        target=_hold, args=(places.lock, ready, release), daemon=True
    )
    holder.start()
    assert ready.wait(20)
    for words in (
        ["stage", "site"],
        ["pack", "site"],
        ["init", "site", "--new-copy"],
        ["restore", "site", "--to-new-copy"],
        ["serve", "site", "1"],
        ["adopt", "site", "1"],
        ["retire", "site", "1"],
        ["prune", "site"],
        ["catch-up", "site", "1"],
    ):
        told = one(quick(made, *words, code=5))
        assert "hold still" in told["error"]["message"]
    assert quick(made, "prune", "site", "--dry-run")
    release.set()
    quick(made, "prune", "site", "--wait", "20")
    holder.join(20)


def _hold(path, ready, release):
    from karl.recipe.release.base.locks import locked

    with locked(path, "hold still"):
        ready.set()
        release.wait(60)
