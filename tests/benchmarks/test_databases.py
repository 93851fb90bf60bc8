from __future__ import annotations

import shutil

import pytest
from ZODB.blob import Blob
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage

from benchmarks import databases
from benchmarks.clients import QUICK, Event, Seen
from benchmarks.sizes import DatabaseSize
from benchmarks.tails import Tail

SIZE = DatabaseSize("test", 1, 1500, 30)


@pytest.fixture
def written(tmp_path):
    return databases.write(tmp_path, SIZE)


def _opened(database):
    return FileStorage(str(database.data), blob_dir=str(database.blobs))


def _content(database):
    """Return blobs and other objects that can be reached, all of them loaded."""
    db = DB(_opened(database))
    try:
        with db.transaction() as connection:
            found = [
                each
                for folder in connection.root().values()
                for each in folder.values()
            ]
            blobs = [_read(each) for each in found if isinstance(each, Blob)]
            others = [dict(each) for each in found if not isinstance(each, Blob)]
    finally:
        db.close()
    return blobs, others


def _read(blob):
    with blob.open() as stream:
        return stream.read()


def test_database_is_one_of_zodb(written):
    """A generated database is read by ZODB: every object loads, every blob opens."""
    blobs, others = _content(written)
    assert [len(blob) for blob in blobs] == [databases.BLOB_BYTES] * SIZE.blobs
    folders = 2
    assert len(blobs) + len(others) + folders + 1 == SIZE.objects


def test_database_has_its_size(written):
    """Data.fs is as large as is said, give or take the folders."""
    assert written.data.stat().st_size == pytest.approx(10**6, rel=0.1)


def test_index_is_right(written):
    """The index that was written is the one that FileStorage makes itself."""
    storage = _opened(written)
    found = dict(storage._index.items())
    storage.close()
    written.index.unlink()
    storage = _opened(written)
    assert dict(storage._index.items()) == found
    storage.close()


def test_same_database_again(written, tmp_path):
    """A size always gives the same bytes."""
    (tmp_path / "again").mkdir()
    again = databases.write(tmp_path / "again", SIZE)
    assert again.data.read_bytes() == written.data.read_bytes()


def test_tail(written, tmp_path):
    """The tail is committed in as many transactions as it says, blobs included."""
    storage = _opened(written)
    before = storage.lastTransaction()
    oids = databases.planned(SIZE).plain(100)
    Tail(transactions=6, objects=2, blobs=3).commit(storage, oids, tmp_path)
    found = list(storage.iterator(before))[1:]
    storage.close()
    assert len(found) == 6
    _, others = _content(written)
    referred = [each["blob"] for each in others if "blob" in each]
    assert len(referred) == 3


def test_worst_read_in_a_time():
    """The worst is the longest that was, at least partly, in the time asked for."""
    seen = Seen(9, (Event(0.0, 4.0), Event(5.0, 5.5), Event(5.9, 8.0, "Error")))
    assert seen.worst(4.5, 5.8) == 0.5
    assert seen.worst(5.4, 6.0) == pytest.approx(2.1)
    assert seen.worst(4.1, 4.2) == QUICK
    assert [event.error for event in seen.failed(4.5, 6.0)] == ["Error"]
    assert not seen.failed(4.5, 5.5)


def test_copy_that_lacks_something(written, tmp_path):
    """Copies are compared by the bytes of Data.fs and by which blobs they have."""
    copy = databases.Database(tmp_path / "copy" / "Data.fs", tmp_path / "copy" / "b")
    shutil.copytree(written.blobs, copy.blobs)
    shutil.copy(written.data, copy.data)
    databases.compare(written, copy)
    next(copy.blobs.rglob("*.blob")).unlink()
    with pytest.raises(databases.DifferentCopyError):
        databases.compare(written, copy)
