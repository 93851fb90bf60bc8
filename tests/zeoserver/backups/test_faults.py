"""Each change of a backup fails in turn, and each is killed in turn."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.faults import Fault, killed_at
from support.zeobackups import (
    SILENT,
    Bench,
    check_repository,
    check_restorable,
    snapshot,
)

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import RefusedError
from karl.recipe.zeoserver.backups import leftovers, materialise, retention
from karl.recipe.zeoserver.databases.datafs import end_of
from karl.recipe.zeoserver.layouts.copy import CopyLayout
from karl.recipe.zeoserver.layouts.repository import RepositoryLayout


def _full(bench: Bench) -> None:
    bench.full()


def _increment(bench: Bench) -> None:
    bench.increment()


def _remove(bench: Bench) -> None:
    leftovers.repair(bench.repository, SILENT)
    old = retention.plan(bench.chains, 1, ())
    retention.apply(bench.repository, old, SILENT)


WORK: dict[str, Callable[[Bench], None]] = {
    "full": _full,
    "increment": _increment,
    "remove": _remove,
}


def _no_space() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def fresh(bench, tmp_path) -> Callable[[int], Bench]:
    """Give the same repository again: two chains, and something to back up."""
    bench.full()
    bench.commit(more=b"added")
    bench.increment()
    bench.commit(other=1)
    bench.full()
    bench.commit(still=b"more", name="two")
    pristine = tmp_path / "pristine"
    shutil.copytree(bench.repository.root, pristine)

    def make(number: int) -> Bench:
        root = tmp_path / f"backups{number}"
        shutil.copytree(pristine, root)
        return bench.with_repository(root)

    return make


def _killed(number: int, work: Callable[[Bench], None], bench: Bench) -> bool:
    """Run in a child that is killed at a change; tell if it was."""
    return killed_at(number, lambda: work(bench))


def _check_settled(bench: Bench, before: dict[str, bytes | None], name: str) -> None:
    """After a repair all is as before, or the work is done; the next run works."""
    leftovers.repair(bench.repository, SILENT)
    check_repository(bench)
    if name != "remove" and len(snapshot(bench.repository.root)) == len(before):
        assert snapshot(bench.repository.root) == before
    bench.now += 60
    WORK[name](bench)
    check_repository(bench)
    check_restorable(bench)
    if name == "remove":
        assert len(bench.chains) == 1


@pytest.mark.parametrize("name", WORK)
def test_each_failing_change_leaves_the_repository_whole(name, fresh, monkeypatch):
    """Whichever write fails, nothing half-made is visible and the next run works."""
    number = 0
    while True:
        number += 1
        bench = fresh(number)
        before = snapshot(bench.repository.root)
        count = sum(len(chain.units) for chain in bench.chains)
        fault = Fault(number, _no_space)
        monkeypatch.setattr(files, "seam", fault)
        failed = False
        try:
            WORK[name](bench)
        except OSError:
            assert fault.fired
            failed = True
        monkeypatch.setattr(files, "seam", lambda action, path: None)
        if not fault.fired:
            break
        if failed and name != "remove":
            assert sum(len(chain.units) for chain in bench.chains) == count
            assert snapshot(bench.repository.root) == before
        _check_settled(bench, before, name)
    assert number > 2


@pytest.mark.parametrize("name", WORK)
def test_killed_before_each_change_the_repository_is_repaired(name, fresh):
    """SIGKILL before any change: repair makes it as before, the next run works."""
    before = snapshot(fresh(0).repository.root)
    number = 1
    while _killed(number, WORK[name], bench := fresh(number)):
        _check_settled(bench, before, name)
        number += 1
    assert number > 2


def test_what_a_kill_leaves_is_exactly_what_repair_removes(fresh):
    """After a kill at any step of an increment, repair gives the bytes of before."""
    number = 0
    while True:
        number += 1
        bench = fresh(number)
        before = snapshot(bench.repository.root)
        complete = sum(len(chain.units) for chain in bench.chains)
        if not _killed(number, _increment, bench):
            break
        leftovers.repair(bench.repository, SILENT)
        if sum(len(chain.units) for chain in bench.chains) == complete:
            assert snapshot(bench.repository.root) == before


def test_catching_up_is_killed_and_done_again(bench, tmp_path):
    """A killed append leaves a copy that the next one completes."""
    full = bench.full()
    staged = bench.restore()
    bench.commit(more=b"added" * 1000, name="two")
    unit = bench.increment()

    def append(copy: CopyLayout) -> None:
        materialise.append(unit, copy, full.until)

    number = 0
    while True:
        number += 1
        copy = CopyLayout(tmp_path / f"copy{number}")
        shutil.copytree(staged.root, copy.root)
        if not _killed(number, lambda _, copy=copy: append(copy), bench):
            break
        append(copy)
        assert copy.data.read_bytes() == bench.content
    assert number > 3
    # Killed in the middle of a write: a part of the increment is there.
    half = unit.data.read_bytes()[:100]
    shutil.copytree(staged.root, tmp_path / "half")
    copy = CopyLayout(tmp_path / "half")
    with copy.data.open("ab") as stream:
        stream.write(half)
    assert materialise.append(unit, copy, full.until) == unit.until
    assert end_of(copy.data) == unit.until


@pytest.mark.skipif(os.getuid() != 0, reason="mounts a small file system")
def test_a_full_disk_is_told_and_changes_nothing(bench, small_disk: Path):
    """A repository on a disk without room stays as it is, and says what it needs."""
    bench.repository = RepositoryLayout(small_disk / "backups")
    bench.full()
    before = snapshot(bench.repository.root)
    bench.commit(blob=os.urandom(30 << 20), name="two")
    for make in (bench.increment, bench.full):
        with pytest.raises((OSError, RefusedError), match=r"No space|are free"):
            make()
        assert snapshot(bench.repository.root) == before
    check_repository(bench)
