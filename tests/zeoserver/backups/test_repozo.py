"""repozo by hand reads every backup; each of its traps is survived."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.zeobackups import (
    EVER,
    SILENT,
    Bench,
    check_repository,
    check_restorable,
    root_of,
    run_repozo,
    snapshot,
)

from karl.recipe.release.base.errors import DamagedError
from karl.recipe.zeoserver.backups import leftovers, materialise
from karl.recipe.zeoserver.backups.planning import Kind
from karl.recipe.zeoserver.databases.datafs import end_of
from karl.recipe.zeoserver.layouts.copy import CopyLayout


def _full(bench: Bench) -> None:
    bench.full()


def _increments(bench: Bench) -> None:
    bench.full()
    for number in range(3):
        bench.commit(**{f"n{number}": number, f"b{number}": b"%d" % number})
        bench.increment()


def _undone(bench: Bench) -> None:
    bench.full()
    with bench.live() as live:
        live.commit(photo=b"third")
        live.undo()
    bench.increment()


def _packed(bench: Bench) -> None:
    bench.full()
    with bench.live() as live:
        live.pack()
        live.commit(after="pack")
    assert bench.back_up().full
    bench.commit(more="still")
    bench.increment()


def _empty(bench: Bench) -> None:
    other = Bench(bench.root / "empty", bench.repository.root)
    bench.copy = other.copy
    bench.full()


@pytest.mark.parametrize("make", [_full, _increments, _undone, _packed, _empty])
def test_repozo_by_hand_verifies_and_restores_every_kind_of_chain(bench, make):
    """repozo's own -V and -R, with and without -w, give the committed bytes."""
    make(bench)
    folder = bench.chains[-1].places.root
    assert run_repozo("-V", "-r", folder) == ""
    for number, checking in enumerate((["-w"], [])):
        target = CopyLayout(bench.root / "by-hand" / str(number))
        target.root.mkdir(parents=True)
        words = ["-R", *checking, "-r", folder, "-D", EVER, "-o", target.data]
        assert run_repozo(*words) == ""
        assert target.data.read_bytes() == bench.content
        target.blobs.symlink_to(bench.chains[-1].places.blobs)
        assert root_of(target) == root_of(bench.copy)


def test_repozo_as_a_program_takes_what_we_write(bench):
    """`python -m ZODB.scripts.repozo` verifies a chain and restores it."""
    _increments(bench)
    repozo = [sys.executable, "-m", "ZODB.scripts.repozo"]
    folder = bench.chains[-1].places.root
    output = bench.root / "by-hand.fs"
    for words in (["-V"], ["-R", "-w", "-D", EVER, "-o", output]):
        subprocess.run([*repozo, *words, "-r", folder], check=True)
    assert output.read_bytes() == bench.content


def test_an_unlisted_delta_after_a_kill_is_removed(bench):
    """A delta without a record goes, and the next increment does not overlap it."""
    bench.full()
    before = snapshot(bench.repository.root)
    bench.commit(more=1)
    places = bench.chains[-1].places
    left = places.unit("2999-01-01-00-00-00").delta
    left.write_bytes(bench.content[bench.chains[-1].newest.end :])
    leftovers.repair(bench.repository, SILENT)
    assert snapshot(bench.repository.root) == before
    left.write_bytes(b"half of a delta")
    bench.increment()
    check_repository(bench)
    check_restorable(bench)


@pytest.mark.parametrize("change", ["more", "less", "gone"])
def test_a_list_that_says_more_or_less_is_written_anew(bench, change):
    """The .dat lists the backups that there are, after each repair."""
    _increments(bench)
    before = snapshot(bench.repository.root)
    dat = bench.chains[-1].places.dat
    text = dat.read_text()
    if change == "more":
        dat.write_text(text + "2999-01-01-00-00-00.deltafs 5 9 abc\n")
    elif change == "less":
        dat.write_text("".join(text.splitlines(keepends=True)[:-1]))
    else:
        dat.unlink()
    leftovers.repair(bench.repository, SILENT)
    assert snapshot(bench.repository.root) == before


def test_a_truncated_delta_is_never_restored(bench):
    """What repozo -R restores in silence is refused, and a full backup follows."""
    _increments(bench)
    unit = bench.chains[-1].newest
    unit.data.write_bytes(unit.data.read_bytes()[:-1])
    chain = bench.chains[-1]
    assert unit.data.name in chain.damage
    assert unit.name not in [each.name for each in chain.units]
    bench.commit(more=1)
    assert bench.back_up().full
    check_restorable(bench)


def test_two_backups_within_a_second_have_two_names(bench):
    """The stamps of backups in the same second differ, and stay in order."""
    names = [bench.full().stamp]
    for number in range(3):
        bench.commit(number=number)
        names.append(bench.increment().stamp)
    names.append(bench.full().stamp)
    assert names == sorted(set(names))
    check_repository(bench)


def test_a_clock_that_goes_back_does_not_disorder_backups(bench):
    """A backup made when the clock is earlier is still the newest."""
    first = bench.full()
    bench.now -= 86400 * 30
    bench.commit(more=1)
    second = bench.increment()
    assert second.stamp > first.stamp
    check_restorable(bench)


def test_blanks_in_paths_break_nothing(tmp_path):
    """A repository below a folder with blanks is one for us and for repozo."""
    bench = Bench(tmp_path / "our site", tmp_path / "old back ups")
    bench.commit(photo=b"x")
    bench.full()
    bench.commit(more=1)
    bench.increment()
    check_repository(bench)
    check_restorable(bench)
    output = tmp_path / "by hand.fs"
    folder = bench.chains[-1].places.root
    assert run_repozo("-R", "-w", "-r", folder, "-D", EVER, "-o", output) == ""
    assert output.read_bytes() == bench.content


def test_a_file_that_is_there_is_never_deleted(bench):
    """A restore onto an existing Data.fs fails and leaves it as it was."""
    bench.full()
    target = CopyLayout(bench.root / "mine")
    target.root.mkdir()
    target.data.write_bytes(b"somebody's database")
    chain = bench.chains[0]
    with pytest.raises(FileExistsError):
        materialise.materialise(chain, chain.newest, target, SILENT)
    assert target.data.read_bytes() == b"somebody's database"


def test_no_index_is_written_into_the_repository(bench):
    """No backup has a file that grows with the number of objects."""
    _increments(bench)
    assert not list(bench.repository.root.rglob("*.index"))


def test_a_delta_that_somebody_else_damaged_is_no_ground_to_build_on(bench):
    """A record that cannot be read ends its chain; the next backup is full."""
    _increments(bench)
    bench.chains[-1].newest.places.record.write_text("{")
    bench.commit(more=1)
    unit = bench.back_up()
    assert unit.full
    assert "damaged" in unit.reason


def test_a_flipped_bit_is_refused(bench):
    """Data and blobs that are not what was written are not restored."""
    _increments(bench)
    chain = bench.chains[-1]
    blob = next(path for path in chain.places.blobs.rglob("*.blob"))
    for path in (chain.full.data, chain.newest.data, blob):
        content = path.read_bytes()
        mode = path.stat().st_mode
        path.chmod(0o644)
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        with pytest.raises(DamagedError, match=path.name):
            bench.restore()
        path.write_bytes(content)
        path.chmod(mode)
    check_restorable(bench)


def test_foreign_names_are_left_alone(bench):
    """Files and folders that are none of ours stay, whatever is done."""
    bench.repository.root.mkdir()
    (bench.repository.root / "README").write_text("mine")
    (bench.repository.root / "2020-01-01-00-00-00").mkdir()
    (bench.repository.root / "9999-99-99-99-99-99").mkdir()
    before = snapshot(bench.repository.root)
    bench.full()
    found = snapshot(bench.repository.root)
    assert before.items() <= found.items()
    assert len(bench.chains) == 1


def test_an_unchanged_database_makes_no_backup(bench):
    """Nothing committed since: the plan says so and writes nothing."""
    unit = bench.full()
    plan = bench.plan()
    assert plan.kind is Kind.UNCHANGED
    assert plan.stamp == unit.stamp


def test_files_of_backups_are_for_their_owner(bench):
    """Nobody else can read a backup."""
    bench.full()
    assert bench.repository.root.stat().st_mode & 0o777 == 0o700
    assert bench.chains[0].places.root.stat().st_mode & 0o777 == 0o700
    assert end_of(bench.copy.data) == bench.chains[0].newest.until
