"""Data.fs, as FileStorage writes it: where it ends, what is in it, if it is whole."""

from __future__ import annotations

import contextlib
import os
import pickletools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.zeoserver.databases import records, tids
from karl.recipe.zeoserver.databases.blobs import BlobName
from karl.recipe.zeoserver.databases.records import BEGINNING
from karl.recipe.zeoserver.layouts.copy import CopyLayout

_BUFFER = 1 << 20

#: Bytes of a transaction's header.
_TORN_HEADER = 23

#: Seconds that a clock may have been fast when a commit began that a crash ended.
_AHEAD = 86400.0

#: The position stands within so many bytes of an index.
_INDEX_HEAD = 64


@dataclass(frozen=True)
class End:
    """A point in a database where a transaction has just ended.

    :ivar position: bytes of Data.fs before it.
    :ivar tid: the transaction, 16 hexadecimal digits; all zeros: none yet.
    """

    position: int
    tid: str


@dataclass(frozen=True)
class Transaction:
    """One committed transaction.

    :ivar start: where its header is.
    :ivar end: just after it.
    :ivar packed: it is from before the time that the database was packed to.
    """

    tid: str
    start: int
    end: int
    packed: bool = False


@dataclass(frozen=True)
class Survey:
    """What a part of a database holds.

    :ivar blobs: that it wrote.
    :ivar transactions: how many there are.
    :ivar oldest: the oldest transaction as of which the state of the database
        is known: the last one before the time it was packed to, or the first;
        all zeros: there is none.
    """

    blobs: tuple[BlobName, ...]
    transactions: int
    oldest: str


@dataclass(frozen=True)
class Findings:
    """What a check of a database found.

    :ivar transactions: how many there are.
    :ivar objects: how many there are.
    :ivar records: revisions of objects.
    :ivar blobs: blob records.
    :ivar missing_blobs: blob records without their file.
    :ivar missing: paths of some of these files.
    :ivar dangling: objects that are referred to and not there.
    :ivar wrong_previous: records that do not point to the one before.
    :ivar loaded: objects that were loaded through a FileStorage.
    """

    tid: str
    position: int
    transactions: int
    objects: int
    records: int
    blobs: int
    missing_blobs: int = 0
    missing: tuple[str, ...] = ()
    dangling: int = 0
    wrong_previous: int = 0
    loaded: int = 0


def end_at(data: Path, position: int) -> End:
    """Return the end at *position*, reading only what is just before it.

    :raises DamagedError: no committed transaction ends there.
    """
    with _opened(data) as descriptor:
        found = _end_at(descriptor, position)
    if found is None:
        raise records.damaged(data, position, "no committed transaction ends")
    return found


def last_tid(part: Path) -> str:
    """Return the transaction that a part of Data.fs ends with; all zeros: none.

    :raises DamagedError: no committed transaction ends there.
    """
    with part.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size <= BEGINNING:
            return tids.BEGINNING
        found = records.last_header(stream.fileno(), size)
    if found is None or not found.committed:
        raise records.damaged(part, size, "no committed transaction ends")
    return found.tid.hex()


def end_of(data: Path) -> End:
    """Return where the last committed transaction of *data* ends.

    Nobody may be writing it.  What a crash left of an unfinished commit at its
    end does not count, as it does not for FileStorage.

    :raises DamagedError: it is no Data.fs, or not whole.
    """
    with _opened(data) as descriptor:
        size = os.fstat(descriptor).st_size
        found = _end_at(descriptor, size)
        last = records.header_before(descriptor, size)
        if found is None and last is not None:
            # A commit that was voted for and never finished.
            found = _end_at(descriptor, last.start)
        return found or _searched(descriptor, size, data)


def transactions(data: Path, start: int, stop: int) -> Iterator[Transaction]:
    """Yield the transactions from *start* to *stop*, reading their headers only.

    :raises DamagedError: transactions do not add up to that.
    """
    with _opened(data) as descriptor:
        for header in records.headers(descriptor, start, stop, data):
            packed = header.status == b"p"
            yield Transaction(header.tid.hex(), header.start, header.end, packed)


def survey(data: Path, start: int, stop: int) -> Survey:
    """Return what the transactions from *start* to *stop* are.

    Records that can be no blob's are not read.

    :raises DamagedError: they do not add up to that.
    """
    blobs: dict[BlobName, None] = {}
    count, oldest = 0, tids.BEGINNING
    with _opened(data) as descriptor, data.open("rb", _BUFFER) as stream:
        for header in records.headers(descriptor, start, stop, data):
            count += 1
            if header.status == b"p" or count == 1:
                oldest = header.tid.hex()
            for record in records.records(stream, header, data):
                if records.is_blob(descriptor, record, data):
                    blobs[BlobName(record.oid, record.tid)] = None
    return Survey(tuple(blobs), count, oldest)


def create_empty(copy: CopyLayout) -> End:
    """Make a new database with nothing but a root object; its folder is there."""
    from ZODB.DB import DB
    from ZODB.FileStorage import FileStorage

    files.seam("create", copy.data)
    DB(FileStorage(str(copy.data), blob_dir=str(copy.blobs))).close()
    for path in (copy.lock, copy.temporary):
        path.unlink(missing_ok=True)
    return end_of(copy.data)


def check(copy: CopyLayout, reporter: Reporter, *, load_all: bool) -> Findings:
    """Read a whole database that nobody writes; leave a fresh index beside it.

    :param load_all: also load every object and open every blob through a
        FileStorage, as a server would.
    :raises DamagedError: it is not whole.
    """
    from karl.recipe.zeoserver.databases.checking import Checking

    return Checking(copy, reporter).run(load_all=load_all)


@contextlib.contextmanager
def _opened(data: Path) -> Iterator[int]:
    descriptor = os.open(data, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if not records.is_data(descriptor):
            raise DamagedError(
                f"{data} is not a Data.fs: it does not begin like one.",
                "Look whether it is the right file; one that Python 2 wrote must go "
                "through zodbupdate first.",
            )
        yield descriptor
    finally:
        os.close(descriptor)


def _end_at(descriptor: int, position: int) -> End | None:
    """Return the end at *position*, if the transactions before it chain up."""
    if position == BEGINNING:
        return End(BEGINNING, tids.BEGINNING)
    last = records.header_before(descriptor, position)
    if last is None or not last.committed:
        return None
    # Bytes of a document could look like one transaction; hardly like three.
    start = last.start
    for _ in range(2):
        if start == BEGINNING:
            break
        before = records.header_before(descriptor, start)
        if before is None or not before.committed:
            return None
        start = before.start
    return End(position, last.tid.hex())


def _searched(descriptor: int, size: int, data: Path) -> End:
    """Return the last end of a file whose tail is of no whole transaction."""
    end = _end_at(descriptor, _indexed(CopyLayout(data.parent), size))
    end = end or End(BEGINNING, tids.BEGINNING)
    while True:
        header = records.header_at(descriptor, end.position, size)
        if header is None or not header.committed:
            break
        end = End(header.end, header.tid.hex())
    if not _is_torn(descriptor, end, size):
        raise records.damaged(data, end.position, "there is no transaction")
    return end


def _is_torn(descriptor: int, end: End, size: int) -> bool:
    """Tell whether what follows *end* is what a crash leaves of a commit."""
    text = os.pread(descriptor, _TORN_HEADER, end.position)
    header = records.parse_header(text, end.position)
    if header is None:
        return len(text) < _TORN_HEADER or not any(text)
    if header.tid.hex() <= end.tid or _is_ahead(header.tid, bytes.fromhex(end.tid)):
        return False
    if not header.committed:
        return True
    # A power cut can leave the beginning of a commit as if it were finished.  If
    # the file ends with a whole one after all, something else is wrong.
    return header.end > size and records.header_before(descriptor, size) is None


def _is_ahead(tid: bytes, last: bytes) -> bool:
    """Tell whether no clock gave a transaction its id, nor the one before it."""
    # After a clock was set back ids go on from the last one, unit by unit.
    return tid.hex() > tids.of_time(time.time() + _AHEAD) and tid[:4] != last[:4]


def _indexed(copy: CopyLayout, size: int) -> int:
    """Return the position that the index beside Data.fs goes to, or the beginning."""
    try:
        with copy.index.open("rb") as stream:
            for _, argument, _ in pickletools.genops(stream):
                if isinstance(argument, int) and argument >= BEGINNING:
                    return min(argument, size)
                if stream.tell() > _INDEX_HEAD:
                    break
    except (OSError, ValueError):
        pass
    return BEGINNING
