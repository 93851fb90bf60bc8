"""A whole database is read, and what is wrong with it told."""

from __future__ import annotations

import struct

import pytest
from persistent.mapping import PersistentMapping
from support.zeobackups import SILENT, Bench
from ZODB.Connection import TransactionMetaData
from ZODB.FileStorage import FileStorage

from karl.recipe.release.base.errors import DamagedError
from karl.recipe.zeoserver.databases import datafs


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path / "acme")
    with bench.live() as live:
        for number in range(5):
            live.commit(**{f"n{number}": {"n": number}, f"b{number}": b"%d" % number})
    return bench


def _check(bench, *, load_all=True):
    return datafs.check(bench.copy, SILENT, load_all=load_all)


def test_a_sound_database_is_counted(bench):
    """Transactions, objects and blobs are those of the database."""
    found = _check(bench)
    assert (found.transactions, found.objects, found.blobs) == (6, 11, 5)
    assert (found.missing_blobs, found.dangling, found.wrong_previous) == (0, 0, 0)
    assert found.loaded == found.objects


@pytest.mark.parametrize("change", ["plain", "packed", "undone"])
def test_the_index_is_accepted_as_it_is(bench, change):
    """A server that opens the database after a check does not scan it."""
    with bench.live() as live:
        if change == "packed":
            live.commit(b0=b"other")
            live.pack()
        elif change == "undone":
            live.commit(b0=b"other", fresh=b"created")
            live.undo()
    bench.copy.index.unlink()
    found = _check(bench)
    storage = FileStorage(str(bench.copy.data), blob_dir=str(bench.copy.blobs))
    assert storage._used_index == 1
    assert storage.getSize() == found.position
    storage.close()
    assert (found.missing_blobs, found.dangling, found.wrong_previous) == (0, 0, 0)


def test_a_blob_that_was_stored_twice_in_a_transaction_is_one(bench):
    """Two records of a blob in a transaction are of one file."""
    path = bench.root / "stored"
    path.write_bytes(b"new")
    with bench.live() as live:
        storage, oid = live.storage, live.root["b0"]._p_oid
        data, serial = storage.load(oid)
        change = TransactionMetaData()
        storage.tpc_begin(change)
        storage.store(oid, serial, data, "", change)
        storage.storeBlob(oid, serial, data, str(path), "", change)
        storage.tpc_vote(change)
        tid = storage.tpc_finish(change)
    assert _check(bench).blobs == 6
    (blob,) = (
        each for each in bench.copy.blobs.rglob("*.blob") if tid.hex()[1:] in each.name
    )
    blob.unlink()
    found = _check(bench)
    assert (found.missing_blobs, len(found.missing)) == (1, 1)


def test_missing_blobs_are_named(bench):
    """A blob without its file is a finding, not an error."""
    gone = sorted(bench.copy.blobs.rglob("*.blob"))[:2]
    for path in gone:
        path.unlink()
    found = _check(bench)
    assert found.missing_blobs == 2
    assert found.missing == tuple(
        path.relative_to(bench.copy.blobs).as_posix() for path in gone
    )


def test_references_to_nothing_are_counted(bench):
    """An object that is referred to and not there is counted, whatever comes first."""
    with bench.live() as live:
        live.root["parent"] = PersistentMapping()
        live.manager.commit()
        live.root["parent"]["child"] = child = PersistentMapping()
        live.connection.add(child)
        oid = child._p_oid
        live.manager.commit()
    assert _check(bench, load_all=False).dangling == 0
    content = bench.content
    # Every reference to the child now leads to an object that is not there.
    place = content.rindex(oid, 0, content.rindex(oid))
    reference = content.index(b"child") + len(b"child")
    assert place != reference
    changed = content[:reference] + content[reference:].replace(
        oid, b"\x00" * 6 + b"zz", 1
    )
    bench.copy.data.write_bytes(changed)
    assert _check(bench, load_all=False).dangling == 1


def _records(bench):
    """Return the positions of all records."""
    from karl.recipe.zeoserver.databases import records

    found = []
    with bench.copy.data.open("rb") as stream:
        size = bench.copy.data.stat().st_size
        for header in records.headers(stream.fileno(), 4, size, "Data.fs"):
            found += list(records.records(stream, header, "Data.fs"))
    return found


def _pickle(content, record):
    content[record.data] = 0xFF


def _transaction(content, record):
    content[record.position + 24 : record.position + 32] = struct.pack(">Q", 4)


def _forward(content, record):
    content[record.position + 16 : record.position + 24] = b"\xff" * 8


def _length(content, record):
    content[record.position + 34 : record.position + 42] = struct.pack(">Q", 1 << 40)


@pytest.mark.parametrize("harm", [_pickle, _transaction, _forward, _length])
def test_each_kind_of_damage_is_told_with_its_place(bench, harm):
    """The error names the byte at which something is wrong."""
    record = _records(bench)[3]
    content = bytearray(bench.content)
    harm(content, record)
    bench.copy.data.write_bytes(content)
    with pytest.raises(DamagedError, match=f"at byte {record.position}"):
        _check(bench)


def test_any_flipped_byte_of_the_structure_is_found(bench):
    """Headers of transactions and records are all looked at."""
    content = bench.content
    end = datafs.end_of(bench.copy.data)
    for transaction in datafs.transactions(bench.copy.data, 0, len(content)):
        for place in (8, 15, 16, transaction.end - transaction.start - 1):
            changed = bytearray(content)
            changed[transaction.start + place] ^= 0x41
            bench.copy.data.write_bytes(changed)
            try:
                found = _check(bench, load_all=False)
            except DamagedError:
                continue
            # The last one may look like a commit that was not finished.
            assert found.position < end.position
            assert transaction.end == end.position
        bench.copy.data.write_bytes(content)


def test_compressed_records_are_read_too(bench):
    """Records that a client compressed are no damage."""
    import zlib

    from ZODB.utils import p64, z64

    with bench.live() as live:
        data, serial = live.storage.load(z64)
        live.manager.abort()
        from ZODB.Connection import TransactionMetaData

        meta = TransactionMetaData()
        live.storage.tpc_begin(meta)
        packed = b".z" + zlib.compress(data)
        live.storage.store(p64(1 << 40), z64, packed, "", meta)
        live.storage.tpc_vote(meta)
        live.storage.tpc_finish(meta)
    assert serial
    assert _check(bench).objects == 12
