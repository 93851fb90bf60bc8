"""Copies made from backups: which, how, and until when."""

from __future__ import annotations

import os
import time

import pytest
from support.zeobackups import root_of

from karl.recipe.release.base import largefiles
from karl.recipe.release.base.errors import DamagedError, RefusedError, UsageError
from karl.recipe.zeoserver.backups import materialise, moments, picking
from karl.recipe.zeoserver.databases import blobs, datafs, tids
from karl.recipe.zeoserver.databases.datafs import End
from karl.recipe.zeoserver.databases.periods import Period


@pytest.fixture
def history(bench):
    """Ten commits, three chains; what the root was after each."""
    told = {}
    for number in range(10):
        tid = bench.commit(number=number, **{f"blob{number}": b"%d" % number})
        told[tid] = root_of(bench.copy)
        if number in {2, 8}:
            bench.full()
        elif number in {4, 6, 9}:
            bench.increment()
    return bench, told


def test_every_transaction_since_can_be_gone_back_to(history):
    """--at is exact to the transaction, between backups and in the full one too."""
    bench, told = history
    for tid, root in told.items():
        choice = picking.pick(bench.chains, tid)
        copy = bench.restore(choice.unit, choice.until)
        assert root_of(copy) == root
        assert datafs.end_of(copy.data).tid == tid
        assert bench.content.startswith(copy.data.read_bytes())


def test_blobs_of_later_transactions_are_not_restored(history):
    """A copy as of a time has the blobs of that time."""
    bench, told = history
    tid = list(told)[3]
    choice = picking.pick(bench.chains, tid)
    copy = bench.restore(choice.unit, choice.until)
    assert (
        len(list(copy.blobs.rglob("*.blob")))
        == len([value for value in told[tid].values() if isinstance(value, bytes)]) + 1
    )


def test_between_two_transactions_it_is_the_earlier_one(history):
    """A time at which nothing was committed gives what was committed before."""
    bench, told = history
    first, second = list(told)[5:7]
    between = f"{int(second, 16) - 1:016x}"
    choice = picking.pick(bench.chains, between)
    assert datafs.end_of(bench.restore(choice.unit, between).data).tid == first


def test_of_a_later_time_nothing_is_made_up(history):
    """What was committed after the last backup is not known, unless it is nothing."""
    bench, _ = history
    *_, chain = bench.chains
    with pytest.raises(RefusedError, match="No backup tells") as caught:
        picking.pick(bench.chains, "9" * 16)
    assert f"--at {chain.newest.tid}." in caught.value.tip
    known = {chain.stamp: (Period(tids.BEGINNING, "9" * 16),)}
    assert picking.pick(bench.chains, "9" * 16, known)[1:] == (chain.newest, None)
    assert picking.pick(bench.chains, None)[1:] == (chain.newest, None)


def test_a_time_before_everything_is_refused(history):
    """What no backup has cannot be restored; the error says what the oldest is."""
    bench, _ = history
    with pytest.raises(RefusedError, match=f"{bench.chains[0].full.oldest}"):
        picking.pick(bench.chains, moments.parse("1999-12-31"))
    with pytest.raises(RefusedError, match="no backup"):
        picking.pick((), None)


def test_what_was_packed_away_is_not_made_up(bench):
    """A packed database is no source for the time before; an older chain is."""
    early = bench.commit(name="early")
    late = bench.commit(name="late")
    with bench.live() as live:
        live.pack()
    full = bench.full()
    assert full.oldest == late
    with pytest.raises(RefusedError, match="No backup goes back that far"):
        picking.pick(bench.chains, early)


def test_a_time_while_it_was_evolved_is_refused(bench):
    """What was written to a copy before it was made live is no state of the site."""
    last = bench.commit(name="old")
    bench.full()
    bench.commit(name="half evolved")
    evolving = bench.commit(name="half evolved still")
    adopted = bench.commit(name="evolved")
    unit = bench.full(number=2, since=adopted)
    with pytest.raises(RefusedError, match="No backup tells") as caught:
        picking.pick(bench.chains, evolving)
    assert f"--at {last}." in caught.value.tip
    assert picking.pick(bench.chains, last).unit == bench.chains[0].full
    assert picking.pick(bench.chains, adopted).unit == unit


def test_a_restored_copy_is_open_at_once(history):
    """The index beside Data.fs is accepted: no scan at the first start."""
    from ZODB.FileStorage import FileStorage

    bench, _ = history
    copy = bench.restore()
    storage = FileStorage(str(copy.data), blob_dir=str(copy.blobs))
    assert storage._used_index == 1
    storage.close()


def test_catching_up_gives_the_bytes_of_the_source(bench):
    """Increment by increment a copy becomes what the live one is, blobs and all."""
    end = bench.full().until
    copy = bench.restore()
    for number in range(4):
        bench.commit(photo=b"%d" % number, name=number)
        end = materialise.append(bench.increment(), copy, end)
    assert copy.data.read_bytes() == bench.content
    assert root_of(copy) == root_of(bench.copy)
    assert end == datafs.end_of(bench.copy.data)


def test_catching_up_a_copy_that_was_written_to_is_refused(bench):
    """An evolved copy, or another increment's, is not touched."""
    from support.zeobackups import Live

    full = bench.full()
    copy = bench.restore()
    live = Live(copy)
    live.commit(evolved=True)
    live.close()
    before = copy.data.read_bytes()
    bench.commit(more=1)
    unit = bench.increment()
    with pytest.raises(RefusedError, match="written to"):
        materialise.append(unit, copy, full.until)
    with pytest.raises(RefusedError, match="does not end with"):
        materialise.append(unit, copy, End(full.end, "f" * 16))
    with pytest.raises(RefusedError, match="begins at byte"):
        materialise.append(unit, copy, datafs.end_of(copy.data))
    assert copy.data.read_bytes() == before


@pytest.mark.parametrize("kind", ["delta", "blob"])
def test_catching_up_with_damage_leaves_the_copy_as_it_was(bench, kind):
    """A flipped bit in the increment or in its blob is refused."""
    full = bench.full()
    copy = bench.restore()
    before = copy.data.read_bytes()
    tid = bench.commit(photo=b"third")
    unit = bench.increment()
    blob = next(
        path
        for path in bench.chains[0].places.blobs.rglob("*.blob")
        if tid in str(path)
    )
    path = unit.data if kind == "delta" else blob
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    with pytest.raises(DamagedError, match="damaged"):
        materialise.append(unit, copy, full.until)
    assert copy.data.read_bytes() == before


def test_a_missing_blob_does_not_withhold_a_backup(bench):
    """All else is backed up and restored; the record names what was not there."""
    tid = bench.commit(gone=b"gone", kept=b"kept")
    gone = next(
        path
        for path in bench.copy.blobs.rglob("*.blob")
        if tid in str(path) and path.read_bytes() == b"gone"
    )
    gone.unlink()
    unit = bench.full()
    assert unit.missing == (gone.relative_to(bench.copy.blobs).as_posix(),)
    copy = bench.restore()
    assert copy.data.read_bytes() == bench.content


def test_blobs_behind_links_are_not_followed(bench):
    """A link among the blobs is refused, not read."""
    victim = bench.root / "secret"
    victim.write_text("secret")
    blob = next(bench.copy.blobs.rglob("*.blob"))
    blob.unlink()
    blob.symlink_to(victim)
    with pytest.raises(DamagedError, match="not a plain file"):
        bench.full()
    assert bench.chains == ()


def test_blobs_are_links_on_the_same_file_system(bench):
    """No byte of a blob is copied where a link will do."""
    bench.full()
    copy = bench.restore()
    for folder in (bench.chains[0].places.blobs, copy.blobs):
        blob = next(folder.rglob("*.blob"))
        source = bench.copy.blobs / blob.relative_to(folder)
        assert os.path.samefile(blob, source)


def test_elsewhere_blobs_are_copied_once(bench, small_disk):
    """On another file system the next chain links what the last one has."""
    bench = bench.with_repository(small_disk / "backups")
    bench.full()
    bench.commit(new=b"new")
    bench.full()
    one, two = (chain.places.blobs for chain in bench.chains)
    for blob in one.rglob("*.blob"):
        assert os.path.samefile(blob, two / blob.relative_to(one))
        assert not os.path.samefile(blob, bench.copy.blobs / blob.relative_to(one))
    assert root_of(bench.restore()) == root_of(bench.copy)


def test_damage_elsewhere_does_not_come_into_the_next_chain(bench, small_disk):
    """A blob that was damaged in the last chain is copied anew into the next."""
    bench = bench.with_repository(small_disk / "backups")
    bench.full()
    blob = next(bench.chains[0].places.blobs.rglob("*.blob"))
    status = blob.stat()
    blob.chmod(0o600)
    blob.write_bytes(b"x" * status.st_size)
    os.utime(blob, ns=(status.st_atime_ns, status.st_mtime_ns))
    bench.full()
    assert root_of(bench.restore()) == root_of(bench.copy)


def test_times_are_read_as_people_write_them():
    """Local time, a zone, or a transaction id."""
    tid = moments.parse("2026-11-23T13:30:00Z")
    assert moments.parse("2026-11-23T14:30+01:00") == tid
    assert tids.time_of(tid) == pytest.approx(1795440600)
    assert moments.parse(tid.upper()) == tid
    local = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(1795440600))
    assert moments.parse(local) == tid
    for text in ("", "yesterday", "12:00", "040d35742d0f65", "9999-12-31"):
        with pytest.raises(UsageError, match="is not a time"):
            moments.parse(text)


def test_where_blocks_can_be_shared_nothing_is_copied(history, monkeypatch):
    """A clone is read back and compared, and goes on like a copy."""
    bench, _ = history
    cloned = []

    def share(writer, request, reader):
        assert request == 0x40049409
        size = os.fstat(reader).st_size
        cloned.append(size)
        os.write(writer, os.pread(reader, size, 0))

    monkeypatch.setattr(largefiles.fcntl, "ioctl", share)
    assert bench.restore().data.read_bytes() == bench.content
    full = bench.chains[-1].full
    assert cloned == [full.size]
    content = full.data.read_bytes()
    full.data.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DamagedError, match=full.data.name):
        bench.restore()


@pytest.mark.parametrize("text", [None, "meadow", "lawn"])
def test_a_lost_mark_of_the_layout_is_damage(bench, text):
    """Blobs that ZODB would not find are not taken for restored."""
    bench.full()
    mark = bench.chains[0].places.blobs / blobs.MARK
    mark.unlink()
    if text:
        mark.write_text(text)
    with pytest.raises(DamagedError, match=r"lacks 3 blobs|names no layout"):
        bench.restore()
    bench.commit(more=1)
    assert "laid out" in bench.back_up().reason
    assert root_of(bench.restore()) == root_of(bench.copy)


def test_a_repository_that_others_may_read_stays_so(bench):
    """Its mode is set when it is made, and then the operator's."""
    bench.full()
    bench.repository.root.chmod(0o750)
    bench.full()
    assert bench.repository.root.stat().st_mode & 0o777 == 0o750
