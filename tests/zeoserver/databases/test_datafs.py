"""Where a Data.fs ends and what is in it, without opening it."""

from __future__ import annotations

import os

import pytest
from support.zeobackups import Bench, Live
from ZODB.FileStorage import FileStorage

from karl.recipe.release.base.errors import DamagedError
from karl.recipe.zeoserver.databases import blobs, datafs
from karl.recipe.zeoserver.databases.datafs import End


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path / "acme")
    with bench.live() as live:
        for number in range(8):
            live.commit(number=number, text="x" * 30 * number)
    return bench


def _ends(bench):
    size = bench.copy.data.stat().st_size
    found = datafs.transactions(bench.copy.data, 0, size)
    return [4, *(each.end for each in found)]


def test_the_end_is_what_the_storage_says(bench):
    """The position and transaction of an open database are found in its file."""
    with bench.live() as live:
        assert datafs.end_of(bench.copy.data) == live.end
        live.commit(more=1)
        assert datafs.end_of(bench.copy.data) == live.end
        assert datafs.end_at(bench.copy.data, live.end.position) == live.end


def test_a_voted_commit_does_not_count(bench):
    """A transaction that was written and not finished is not the end."""
    before = datafs.end_of(bench.copy.data)
    with bench.live() as live:
        live.root["more"] = 1
        manager = live.manager
        manager.get().join(_Stopping(bench, before))
        with pytest.raises(RuntimeError, match="stopped"):
            manager.commit()


class _Stopping:
    """Votes last, looks at the file, and fails."""

    transaction_manager = None

    def __init__(self, bench, before):
        self.bench, self.before = bench, before

    def sortKey(self):  # noqa: N802
        """Come after every database."""
        return "~~~"

    def tpc_vote(self, transaction):
        """Look at the file in which another commit has voted."""
        data = self.bench.copy.data
        assert data.stat().st_size > self.before.position
        assert datafs.end_of(data) == self.before
        with pytest.raises(DamagedError):
            datafs.end_at(data, data.stat().st_size)
        raise RuntimeError("stopped")

    def ignore(self, transaction):
        """Do nothing."""

    abort = commit = tpc_begin = tpc_finish = tpc_abort = ignore


@pytest.mark.parametrize("indexed", [True, False])
def test_wherever_a_crash_cuts_it_the_end_is_the_last_commit(bench, indexed):
    """A torn transaction does not count, as it does not for FileStorage."""
    ends = _ends(bench)
    if not indexed:
        bench.copy.index.unlink()
    for size in range(bench.copy.data.stat().st_size, ends[-3], -7):
        os.truncate(bench.copy.data, size)
        end = datafs.end_of(bench.copy.data)
        assert end.position == max(each for each in ends if each <= size)
    storage = FileStorage(str(bench.copy.data), read_only=True)
    assert storage.getSize() == end.position
    storage.close()


@pytest.mark.parametrize("tail", [b"\0" * 5000, b"\0", b"short"])
def test_zeros_after_a_power_cut_do_not_count(bench, tail):
    """What a file system adds to a file that was growing is no transaction."""
    before = datafs.end_of(bench.copy.data)
    with bench.copy.data.open("ab") as stream:
        stream.write(tail)
    assert datafs.end_of(bench.copy.data) == before


def test_bytes_that_are_no_commit_are_damage(bench):
    """What cannot be the rest of a commit is told, not cut off in silence."""
    with bench.copy.data.open("ab") as stream:
        stream.write(b"something else that does not belong there at all" * 10)
    with pytest.raises(DamagedError, match="there is no transaction at byte"):
        datafs.end_of(bench.copy.data)


def test_a_document_that_looks_like_a_transaction_is_not_taken_for_one(bench):
    """A torn commit whose content ends like a transaction is still torn."""
    before = datafs.end_of(bench.copy.data)
    first = bench.content[4 : _ends(bench)[1]]
    with bench.live() as live:
        live.commit(text={"bytes": first})
    content = bench.copy.data.read_bytes()
    place = content.rindex(first[:16])
    torn = bytearray(content[: place + len(first)])
    bench.copy.data.write_bytes(torn)
    # It says that it was finished: nothing is cut off without being told.
    with pytest.raises(DamagedError, match="there is no transaction"):
        datafs.end_of(bench.copy.data)
    torn[before.position + 16 : before.position + 17] = b"c"
    bench.copy.data.write_bytes(torn)
    assert datafs.end_of(bench.copy.data) == before


def test_an_empty_database_ends_where_it_begins(tmp_path):
    """Without a transaction there is no TID."""
    data = tmp_path / "Data.fs"
    FileStorage(str(data)).close()
    assert datafs.end_of(data) == End(4, "0" * 16)


@pytest.mark.parametrize("content", [b"", b"FS21", b"FS", b"#!/bin/sh" * 100])
def test_what_is_no_database_is_told(tmp_path, content):
    """An empty file, one of Python 2, or a script is not a Data.fs."""
    data = tmp_path / "Data.fs"
    data.write_bytes(content)
    with pytest.raises(DamagedError, match=r"is not a Data\.fs"):
        datafs.end_of(data)


def test_transactions_are_those_of_the_storage(bench):
    """Headers give the same transactions as FileStorage's iterator."""
    storage = FileStorage(str(bench.copy.data), read_only=True)
    expected = [transaction.tid.hex() for transaction in storage.iterator()]
    size = storage.getSize()
    storage.close()
    found = list(datafs.transactions(bench.copy.data, 0, size))
    assert [each.tid for each in found] == expected
    assert found[-1].end == size
    part = list(datafs.transactions(bench.copy.data, found[3].start, found[5].end))
    assert part == found[3:6]
    with pytest.raises(DamagedError):
        list(datafs.transactions(bench.copy.data, found[3].start + 1, size))
    with pytest.raises(DamagedError):
        list(datafs.transactions(bench.copy.data, 0, size - 1))


def test_blobs_are_found_also_those_of_an_undo(bench):
    """Each blob file that a commit or an undo made is named."""
    with bench.live() as live:
        live.commit(photo=b"1")
        live.commit(photo=b"2", other=b"3")
        start = live.end.position
        live.undo()
        end = live.end.position
    found = list(datafs.survey(bench.copy.data, start, end).blobs)
    # The other blob was created by what was undone: it is gone.
    assert len(found) == 1
    everything = {
        blobs.path_of(name, blobs.BUSHY)
        for name in datafs.survey(bench.copy.data, 0, end).blobs
    }
    assert everything == set(blobs.listing(bench.copy.blobs, "f" * 16))


def test_what_a_pack_kept_is_known_as_such(bench):
    """The oldest state of a packed database is that of the pack."""
    with bench.live() as live:
        first = live.end
        live.pack()
        live.commit(after=1)
        end = live.end.position
    found = datafs.survey(bench.copy.data, 0, end)
    assert found.oldest == first.tid
    assert [each.packed for each in datafs.transactions(bench.copy.data, 0, end)] == [
        True,
        False,
    ]


def test_a_new_database_has_a_root_and_nothing_else(tmp_path):
    """An empty copy opens, and can be written to."""
    bench = Bench(tmp_path / "new")
    assert {path.name for path in bench.copy.root.iterdir()} == {
        "Data.fs",
        "Data.fs.index",
        "blobs",
    }
    live = Live(bench.copy)
    assert dict(live.root) == {}
    live.commit(photo=b"x")
    live.close()
