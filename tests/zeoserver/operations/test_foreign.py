"""A copy of another storage's backup: withheld, apart, and that storage untouched."""

from __future__ import annotations

import pytest
from support.zeofaults import (
    FAULTS,
    check_consistent,
    check_tidy,
    content,
    quick,
    run_with_fault,
)
from support.zeoservers import database, fill, get, put

from karl.recipe.release.base import files
from karl.recipe.release.base.reporter import SilentReporter
from karl.recipe.zeoserver.servers import supervisor

RESTORE = ("restore", "staging", "--from", "prod", "--to-new-copy")


def one(document, name="staging"):
    """Return what a document says of a storage."""
    return document["storages"][name]


def refused(made, *words, code=3):
    """Run a command that is refused; return its message."""
    return one(quick(made, *words, code=code))["error"]["message"]


def copy_of(made, name, number=1):
    """Return a copy's database, which nobody serves."""
    places = made.storage_places(name).copy(number)
    return database(places.data, places.blobs)


def every_file(folder):
    """Return what would tell a change of a file below a folder.

    All but the empty one that whoever reads backups locks.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != ".in-use":
            status = path.stat()
            found[str(path)] = (
                path.read_bytes(), status.st_ino, status.st_nlink, status.st_mode,
                status.st_mtime_ns,
            )  # fmt: skip
    return found


@pytest.fixture
def two(box):
    """Return a box with the storages prod, which is backed up, and staging."""
    made = box("prod", "staging")
    for name in ("prod", "staging"):
        quick(made, "init", name)
    with copy_of(made, "prod") as db:
        fill(db, 5, blobs=2)
        put(db, "whose", "prod")
    with copy_of(made, "staging") as db:
        put(db, "whose", "staging")
    quick(made, "backup", "prod")
    return made


def test_a_copy_of_another_storage(two):
    """It has what was backed up, shares no file with it, and prod is as it was."""
    prod = two.storage_places("prod")
    with copy_of(two, "prod") as db:
        put(db, "whose", "prod, not backed up")
    before = every_file(prod.root)
    found = one(quick(two, *RESTORE))
    assert every_file(prod.root) == before
    assert (found["number"], found["source"], found["withheld"]) == (2, "prod", True)
    assert found["parent"] is None
    with copy_of(two, "staging", 2) as db:
        assert get(db, "whose") == "prod"
    blobs = [*two.storage_places("staging").copy(2).blobs.rglob("*.blob")]
    assert len(blobs) == 2
    assert {blob.stat().st_nlink for blob in blobs} == {1}
    check_tidy(two, "staging")


def test_as_of_a_time(two):
    """What the other site had at a time is told by its own backups."""
    with copy_of(two, "prod") as db:
        tid = put(db, "whose", "prod at a time")
        put(db, "whose", "prod later")
    quick(two, "backup", "prod")
    found = one(quick(two, *RESTORE, "--at", tid))
    assert found["until"] == tid
    with copy_of(two, "staging", 2) as db:
        assert get(db, "whose") == "prod at a time"


def test_it_is_withheld(two):
    """Nobody can serve it or make it live before it is said to be scrubbed."""
    quick(two, *RESTORE)
    told = refused(two, "serve", "staging", "2")
    assert "has the data of prod" in told
    assert refused(two, "adopt", "staging", "2")
    copies = one(quick(two, "status", "staging", "--copies"))["copies"]
    assert [copy["withheld"] for copy in copies] == [False, True]
    assert "of prod, not scrubbed" in two.run("status", "staging", "--copies").stdout
    assert two.state("staging").serving == {"a": 1}


def test_it_becomes_live(two):
    """Once it is scrubbed it is adopted if staging's own data may be given up."""
    quick(two, *RESTORE)
    supervisor.start(two.central, SilentReporter())
    quick(two, "serve", "staging", "2", "--read-only", "--scrubbed")
    assert not two.state("staging").copy(2).withheld
    # Said once, it holds.
    quick(two, "unserve", "staging", "2")
    quick(two, "serve", "staging", "2", "--read-only")
    assert "a history of its own" in refused(two, "adopt", "staging", "2")
    quick(two, "adopt", "staging", "2", "--discard-writes")
    with two.client("staging") as db:
        assert get(db, "whose") == "prod"
    # Back loses nothing as long as nobody wrote.
    quick(two, "serve", "staging", "1")
    quick(two, "adopt", "staging", "1")
    quick(two, "adopt", "staging", "2", "--discard-writes")
    with two.client("staging") as db:
        put(db, "whose", "staging again")
    assert "1 transaction" in refused(two, "adopt", "staging", "1")


def test_again_removes_what_was_not_scrubbed(two):
    """With --again a copy that an interrupted run left makes way; others stay."""
    quick(two, *RESTORE)
    quick(two, "restore", "prod", "--to-new-copy")
    assert one(quick(two, *RESTORE, "--again"))["removed"] == [2]
    assert sorted(two.state("staging").copies) == [1, 3]
    check_tidy(two, "staging")


def test_there_must_be_another(two):
    """A storage that is not there, or itself, is wrong use."""
    for name in ("staging", "nobody"):
        words = ("restore", "staging", "--from", name, "--to-new-copy")
        assert "no other storage" in refused(two, *words, code=2)


def test_old_backups_stay_while_they_are_read(two, monkeypatch):
    """Prod is backed up meanwhile; what a restore reads is removed later."""
    two.declare("prod", keep=1)
    two.write()
    removed = []

    def seam(action, path):
        if action == "copy" and not removed:
            child = two.zeoctl("backup", "prod", "--full")
            removed.append(one(child, "prod")["removed_chains"])

    monkeypatch.setattr(files, "seam", seam)
    quick(two, *RESTORE)
    monkeypatch.undo()
    assert removed == [[]]
    later = one(quick(two, "backup", "prod", "--full"), "prod")
    assert later["removed_chains"]


@pytest.mark.parametrize("what", FAULTS)
def test_faults(two, what):
    """Killed, or on a full disk, anywhere: no half copy, and prod is as it was."""
    prod = two.storage_places("prod")
    quick(two, *RESTORE, "--again")
    quick(two, "retire", "staging", "2")
    quick(two, "prune", "staging", "--keep", "0")
    expected = content(prod, 1)
    before = every_file(prod.root)
    for number in range(1, 200):
        if not run_with_fault(two, number, FAULTS[what], *RESTORE, "--again"):
            assert number > 10
            break
        assert every_file(prod.root) == before
        check_consistent(two, "staging")
        for copy in two.state("staging").copies.values():
            assert copy.number == 1 or copy.withheld
        if number % 4 == 0:
            made = one(quick(two, *RESTORE, "--again"))["number"]
            check_tidy(two, "staging")
            assert content(two.storage_places("staging"), made) == expected
            assert len(two.state("staging").copies) == 2
