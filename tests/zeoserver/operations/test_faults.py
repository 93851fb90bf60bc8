"""Each verb is killed, and meets a full disk, at each of its changes in turn."""

from __future__ import annotations

import itertools

import pytest
from support.zeofaults import (
    FAULTS,
    check_consistent,
    check_tidy,
    content,
    quick,
    run_with_fault,
)
from support.zeoservers import database, fill

from karl.recipe.zeoserver.databases.state import Status


def commit(box, number=1):
    """Commit objects and a blob to a copy that nobody serves."""
    copy = box.storage_places("site").copy(number)
    with database(copy.data, copy.blobs) as db:
        fill(db, 5, blobs=1)


def one(document):
    return document["storages"]["site"]


def drop(box, *numbers):
    """Retire and remove copies."""
    for number in numbers:
        quick(box, "retire", "site", str(number))
    quick(box, "prune", "site", "--keep", "0")


@pytest.fixture
def stopped(box):
    """A storage with a live copy that has objects and blobs; no servers run."""
    made = box("site")
    quick(made, "init", "site")
    commit(made)
    return made


def faults(box, what, *words):
    """Yield after the verb met its fault at each of its changes in turn."""
    for number in range(1, 200):
        if not run_with_fault(box, number, FAULTS[what], *words):
            assert number > 5
            return
        check_consistent(box, "site")
        told = one(quick(box, "status", "site", "--copies"))
        state = box.state("site")
        assert {copy["number"] for copy in told["copies"]} == set(state.copies)
        yield number
    raise AssertionError("there is no end of changes")


@pytest.mark.parametrize("what", FAULTS)
def test_stage(stopped, what):
    """A killed stage leaves the live copy as it was; the next one succeeds."""
    places = stopped.storage_places("site")
    before = content(places, 1)
    for _ in faults(stopped, what, "stage", "site"):
        assert content(places, 1) == before
        if not stopped.state("site").staged:
            quick(stopped, "stage", "site")
        quick(stopped, "prune", "site", "--keep", "9")
        (staged,) = stopped.state("site").staged
        check_tidy(stopped, "site")
        assert content(places, staged.number) == before
        drop(stopped, staged.number)


@pytest.mark.parametrize("what", FAULTS)
def test_catch_up(stopped, what):
    """After a killed catch-up every verb finds the copy as recorded; the next ends it.

    The live copy is as it was.
    """
    places = stopped.storage_places("site")
    quick(stopped, "stage", "site")
    commit(stopped)
    before = content(places, 1)
    for _ in faults(stopped, what, "catch-up", "site", "2"):
        assert content(places, 1) == before
        quick(stopped, "prune", "site")
        copy = stopped.state("site").copy(2)
        assert places.copy(2).data.stat().st_size == copy.position
        told = one(quick(stopped, "catch-up", "site", "2"))
        check_tidy(stopped, "site")
        assert content(places, 2) == before
        assert told["position"] == len(before[0])
        commit(stopped)
        before = content(places, 1)


@pytest.mark.parametrize("what", FAULTS)
def test_restore(stopped, what):
    """A killed restore leaves no half copy; the next one succeeds."""
    places = stopped.storage_places("site")
    quick(stopped, "stage", "site")
    drop(stopped, 2)
    before = content(places, 1)
    for _ in faults(stopped, what, "restore", "site", "--to-new-copy"):
        assert content(places, 1) == before
        number = one(quick(stopped, "restore", "site", "--to-new-copy"))["number"]
        check_tidy(stopped, "site")
        assert content(places, number) == before
        ready = [
            copy.number
            for copy in stopped.state("site").copies.values()
            if copy.status is Status.READY
        ]
        drop(stopped, *ready)


@pytest.mark.parametrize("what", FAULTS)
def test_import(stopped, what, tmp_path):
    """A killed import leaves the source as it was, and no half copy."""
    places = stopped.storage_places("site")
    data, blobs = tmp_path / "Data.fs", tmp_path / "blobs"
    with database(data, blobs) as db:
        fill(db, 5, blobs=2)
    before = data.read_bytes()
    words = ["import", "site", "--data", str(data), "--blobs", str(blobs)]
    for _ in faults(stopped, what, *words, "--new-copy"):
        assert data.read_bytes() == before
        number = one(quick(stopped, *words, "--new-copy"))["number"]
        check_tidy(stopped, "site")
        found, files = content(places, number)
        assert found == before
        assert len(files) == 2


@pytest.mark.parametrize("what", FAULTS)
def test_init(box, what):
    """A killed init leaves nothing, or a live database."""
    made = box()
    for number in itertools.count(1):
        made.declare(f"site-{number}")
        made.write()
        name = f"site-{number}"
        if not run_with_fault(made, number, FAULTS[what], "init", name):
            break
        check_consistent(made, name)
        if made.state(name).live is None:
            quick(made, "init", name)
        quick(made, "prune", name)
        check_tidy(made, name)
        assert made.state(name).live.number == 1
        assert made.state(name).serving == {"a": 1}


@pytest.mark.parametrize("what", FAULTS)
def test_retire_and_prune(stopped, what):
    """A killed removal of a copy is completed by the next one; others stay."""
    places = stopped.storage_places("site")
    before = content(places, 1)

    def another():
        return str(one(quick(stopped, "init", "site", "--new-copy"))["number"])

    for number in range(1, 50):
        other = another()
        if not run_with_fault(stopped, number, FAULTS[what], "retire", "site", other):
            break
        quick(stopped, "retire", "site", other)
    quick(stopped, "prune", "site", "--keep", "0")
    quick(stopped, "retire", "site", another())
    for _ in faults(stopped, what, "prune", "site", "--keep", "0"):
        quick(stopped, "prune", "site", "--keep", "0")
        check_tidy(stopped, "site")
        assert content(places, 1) == before
        quick(stopped, "retire", "site", another())
