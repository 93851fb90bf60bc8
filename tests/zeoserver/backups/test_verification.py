"""Backups read back, and tried out."""

from __future__ import annotations

import errno
import os
import signal

import pytest
from support.zeobackups import SILENT, check_repository, snapshot

from karl.recipe.release.base import files
from karl.recipe.zeoserver.backups import chains, verdicts, verification


@pytest.fixture
def chain(bench):
    """A chain of three backups."""
    bench.full()
    for number in range(2):
        bench.commit(number=number, **{f"blob{number}": b"%d" % number})
        bench.increment()
    return bench.chains[0]


def test_a_whole_chain_is_read_and_recorded(bench, chain):
    """Every byte is read; each backup has a record of it."""
    result = verification.verify(chain, None, SILENT)
    assert (result.damage, result.warnings) == ((), ())
    assert result.backups == tuple(unit.name for unit in chain.units)
    assert result.bytes == len(bench.content)
    for unit in chain.units:
        assert verdicts.read(unit).damage == ()
    assert verification.good(bench.chains) == [chain.stamp]
    check_repository(bench)


def test_a_drill_loads_everything_and_leaves_nothing(bench, chain):
    """The scratch copy is restored, loaded, and gone; the record says so."""
    scratch = bench.root / "scratch"
    result = verification.verify(chain, None, SILENT, scratch=scratch)
    assert result.damage == ()
    # The root, its mapping and four blobs.
    assert result.findings["loaded"] == result.findings["objects"] == 6
    assert list(scratch.iterdir()) == []
    assert [verdicts.read(unit).drill for unit in chain.units] == [False, False, True]


def _flip(path):
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def _cut(path):
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("harm", [_flip, _cut, os.unlink])
@pytest.mark.parametrize("kind", ["full", "delta", "blob", "manifest", "dat"])
def test_damage_is_found_wherever_it_is(bench, chain, kind, harm):
    """A flipped, cut or missing file is named, in the result and in the record."""
    blob = next(chain.places.blobs.rglob("*.blob"))
    path = {
        "full": chain.full.data,
        "delta": chain.units[1].data,
        "blob": blob,
        "manifest": chain.units[1].places.blob_manifest,
        "dat": chain.places.dat,
    }[kind]
    harm(path)
    (now,) = bench.chains
    result = verification.verify(now, None, SILENT, scratch=bench.root / "scratch")
    assert any(path.name in sentence for sentence in result.damage)
    assert not list((bench.root).glob("scratch/*"))
    if now.units and kind != "dat":
        assert chain.stamp not in verification.good(bench.chains)


@pytest.mark.parametrize("number", [0, 1])
def test_a_record_of_another_end_is_damage(bench, chain, number):
    """What a record says of its data is compared with the data."""
    unit = chain.units[number]
    text = unit.places.record.read_text()
    unit.places.record.write_text(text.replace(unit.tid, "0" * 15 + "1"))
    result = verification.verify(bench.chains[0], None, SILENT)
    assert [unit.places.record.name in each for each in result.damage] == [True]
    assert verification.good(bench.chains) == []


def test_a_damaged_blob_is_not_carried_over(bench, chain):
    """After a verification found damage, the next full backup reads every blob."""
    blob = next(chain.places.blobs.rglob("*.blob"))
    relative = blob.relative_to(chain.places.blobs)
    content = blob.read_bytes()
    blob.unlink()
    blob.write_bytes(b"x" * len(content))
    assert verification.verify(chain, None, SILENT).damage
    bench.full()
    newest = bench.chains[-1]
    assert (newest.places.blobs / relative).read_bytes() == content
    assert verification.verify(newest, None, SILENT).damage == ()


def test_a_drill_finds_what_checksums_cannot(bench):
    """A database that was broken when it was backed up is told by the drill."""
    content = bytearray(bench.content)
    place = content.index(b"persistent.mapping")
    content[place - 1 : place] = b"\xff"
    bench.copy.data.write_bytes(content)
    bench.full()
    (chain,) = bench.chains
    assert verification.verify(chain, None, SILENT).damage == ()
    result = verification.verify(chain, None, SILENT, scratch=bench.root / "scratch")
    assert "cannot be read" in result.damage[0]
    assert list((bench.root / "scratch").iterdir()) == []


def test_a_backup_and_what_it_builds_on_can_be_verified_alone(bench, chain):
    """What came later in the chain is not read."""
    chain.newest.data.unlink()
    now, unit = chains.find(bench.chains, chain.units[1].name)
    result = verification.verify(now, unit, SILENT)
    assert result.damage == ()
    assert result.backups == tuple(each.name for each in chain.units[:2])


def test_a_backup_may_be_made_meanwhile(bench, chain, monkeypatch):
    """A verification is no obstacle to the next increment, nor that to it."""
    bench.commit(more=1)
    read = verification._read

    def slowly(unit, reporter):
        if unit == chain.full:
            bench.increment()
        return read(unit, reporter)

    monkeypatch.setattr(verification, "_read", slowly)
    with verification.reading(bench.repository, bench.root / "scratch"):
        assert verification.verify(chain, None, SILENT).damage == ()
    assert len(bench.chains[0].units) == 4
    check_repository(bench)


def test_scratch_copies_of_killed_drills_are_removed(bench, chain):
    """The next verification removes what a killed one left, and nothing else."""
    scratch = bench.root / "scratch"
    child = os.fork()
    if child == 0:

        def die(action, path):
            if "Data.fs.index" in path.name:
                os.kill(os.getpid(), signal.SIGKILL)

        files.seam = die
        verification.verify(chain, None, SILENT, scratch=scratch)
        os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert len(list(scratch.iterdir())) == 1
    (scratch / "mine").mkdir()
    with verification.reading(bench.repository, scratch):
        assert [path.name for path in scratch.iterdir()] == ["mine"]


def test_another_verification_is_not_disturbed(bench, chain):
    """Scratch copies are left while somebody else verifies."""
    scratch = bench.root / "scratch"
    (scratch / ".drill-somebody").mkdir(parents=True)
    shared = verification.sharing(bench.repository.in_use, lambda: None)
    with shared, verification.reading(bench.repository, scratch):
        assert list(scratch.iterdir())
    before = snapshot(scratch)
    assert before


def test_blobs_that_were_missing_are_told_each_time(bench):
    """A backup without a blob verifies, with a warning."""
    next(bench.copy.blobs.rglob("*.blob")).unlink()
    bench.full()
    result = verification.verify(bench.chains[0], None, SILENT)
    assert result.damage == ()
    assert "1 blobs were not there" in result.warnings[0]


def test_a_repository_that_cannot_be_written_to_is_verified(bench, chain, monkeypatch):
    """What was found is told, and that it could not be recorded."""
    seam = files.seam

    def fail(action, path):
        if path.name.endswith(".verified.json"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        seam(action, path)

    monkeypatch.setattr(files, "seam", fail)
    result = verification.verify(chain, None, SILENT)
    assert result.damage == ()
    assert "could not be recorded" in result.warnings[0]
