"""The bytes of Data.fs: headers of transactions and of the records in them."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from karl.recipe.release.base.errors import DamagedError

#: What every Data.fs begins with that Python 3 can read.
MAGIC = b"FS30"

#: Where the first transaction begins.
BEGINNING = len(MAGIC)

_TRANSACTION = struct.Struct(">8sQcHHH")
_RECORD = struct.Struct(">8s8sQQHQ")
_LENGTH = struct.Struct(">Q")

#: Statuses of committed transactions: plain, packed, and undone as of old.
_COMMITTED = b" pu"

#: No blob's record is longer: it holds no state.
_BLOB_RECORD_LIMIT = 1024

_TIP = (
    "Do not serve or pack it; restore the newest backup to a new copy with "
    "zeoctl restore."
)


class Header(NamedTuple):
    """The header of a transaction.

    :ivar length: of the transaction, without the eight bytes that repeat it.
    :ivar body: where its first record begins.
    """

    tid: bytes
    start: int
    length: int
    status: bytes
    body: int

    @property
    def end(self) -> int:
        """Where the next transaction begins."""
        return self.start + self.length + _LENGTH.size

    @property
    def committed(self) -> bool:
        """Whether its commit was finished."""
        return self.status in _COMMITTED


class Record(NamedTuple):
    """The header of one object's record.

    :ivar previous: where the object's record before it is; 0: none.
    :ivar back: where its data is instead; 0: the object is gone; None: here.
    :ivar data: where its data begins.
    :ivar size: bytes of data.
    """

    oid: bytes
    tid: bytes
    position: int
    previous: int
    back: int | None
    data: int
    size: int


def damaged(data: Path | str, position: int, what: str) -> DamagedError:
    """Return the error that says what is wrong where."""
    return DamagedError(f"{data} is damaged: {what} at byte {position}.", _TIP)


def is_data(descriptor: int) -> bool:
    """Tell whether a file begins as Data.fs does."""
    return os.pread(descriptor, BEGINNING, 0) == MAGIC


def header_at(descriptor: int, position: int, limit: int) -> Header | None:
    """Return the header at *position* of a transaction that ends by *limit*."""
    found = parse_header(os.pread(descriptor, _TRANSACTION.size, position), position)
    if found is None or found.end > limit:
        return None
    repeated = os.pread(descriptor, _LENGTH.size, found.end - _LENGTH.size)
    return found if repeated == _LENGTH.pack(found.length) else None


def parse_header(text: bytes, position: int) -> Header | None:
    """Return the header that *text* begins with, if it can be one."""
    if len(text) < _TRANSACTION.size:
        return None
    tid, length, status, user, description, extension = _TRANSACTION.unpack_from(text)
    inside = _TRANSACTION.size + user + description + extension
    if length < inside or status not in b" puc" or not any(tid):
        return None
    return Header(tid, position, length, status, position + inside)


def header_before(descriptor: int, position: int) -> Header | None:
    """Return the header of the transaction that ends at *position*."""
    found = last_header(descriptor, position)
    return found if found is not None and found.start >= BEGINNING else None


def last_header(descriptor: int, position: int) -> Header | None:
    """Return the header of the transaction that ends at *position*.

    The file may be a part of Data.fs, without its beginning.
    """
    if position < _LENGTH.size + _TRANSACTION.size:
        return None
    text = os.pread(descriptor, _LENGTH.size, position - _LENGTH.size)
    if len(text) < _LENGTH.size:
        return None
    start = position - _LENGTH.size - int(_LENGTH.unpack(text)[0])
    if start < 0:
        return None
    found = header_at(descriptor, start, position)
    return found if found is not None and found.end == position else None


def headers(
    descriptor: int, start: int, stop: int, name: Path | str
) -> Iterator[Header]:
    """Yield the headers of all transactions from *start* to *stop*.

    :raises DamagedError: they do not add up to that.
    """
    position = max(start, BEGINNING)
    text = os.pread(descriptor, _TRANSACTION.size, position)
    while position < stop:
        found = parse_header(text, position)
        if found is None or found.end > stop or not found.committed:
            raise damaged(name, position, "there is no committed transaction")
        # The repeated length, and the header that follows, at once.
        text = os.pread(
            descriptor, _LENGTH.size + _TRANSACTION.size, found.end - _LENGTH.size
        )
        if text[: _LENGTH.size] != _LENGTH.pack(found.length):
            raise damaged(name, position, "a transaction's length is not repeated")
        yield found
        text = text[_LENGTH.size :]
        position = found.end


def records(stream: BinaryIO, header: Header, name: Path | str) -> Iterator[Record]:
    """Yield the records of a transaction; a consumer may read *stream* meanwhile.

    :raises DamagedError: they are not a transaction's records.
    """
    if header.status == b"u":
        return
    position, stop = header.body, header.start + header.length
    while position < stop:
        stream.seek(position)
        text = stream.read(_RECORD.size)
        if len(text) < _RECORD.size:
            raise damaged(name, position, "a record is cut off")
        oid, tid, previous, transaction, version, size = _RECORD.unpack(text)
        data = position + _RECORD.size
        back: int | None = None
        if not size:
            back = int(_LENGTH.unpack(stream.read(_LENGTH.size))[0])
        end = data + (size or _LENGTH.size)
        if end > stop or transaction != header.start or version:
            raise damaged(name, position, "a record does not fit its transaction")
        if previous >= position or (back is not None and back >= position):
            raise damaged(name, position, "a record points forward")
        yield Record(oid, tid, position, previous, back, data, size)
        position = end


def followed(descriptor: int, record: Record, name: Path | str) -> Record | None:
    """Return the record that holds a record's data; None: the object is gone.

    :raises DamagedError: its pointer leads nowhere.
    """
    while record.back is not None:
        if not record.back:
            return None
        text = os.pread(descriptor, _RECORD.size + _LENGTH.size, record.back)
        if len(text) < _RECORD.size + _LENGTH.size or text[:8] != record.oid:
            raise damaged(name, record.position, "a record points to no record")
        oid, tid, previous, _, _, size = _RECORD.unpack_from(text)
        back = None if size else int(_LENGTH.unpack_from(text, _RECORD.size)[0])
        if back is not None and back >= record.back:
            raise damaged(name, record.back, "a record points forward")
        data = record.back + _RECORD.size
        record = Record(oid, tid, record.back, previous, back, data, size)
    return record


def pickles(descriptor: int, record: Record) -> bytes:
    """Return the data of a record that has it, decompressed if it was compressed.

    :raises zlib.error: it cannot be decompressed.
    """
    text = os.pread(descriptor, record.size, record.data)
    return zlib.decompress(text[2:]) if text.startswith(b".z") else text


def is_blob(descriptor: int, record: Record, name: Path | str) -> bool:
    """Tell whether a record is a blob's.

    :raises DamagedError: it cannot be read.
    """
    found = followed(descriptor, record, name)
    if found is None or found.size > _BLOB_RECORD_LIMIT:
        return False
    try:
        return is_blob_data(pickles(descriptor, found))
    except zlib.error:
        return False


def is_blob_data(data: bytes) -> bool:
    """Tell whether data is that of a blob's record."""
    if b"ZODB.blob" not in data:
        return False
    from ZODB.blob import is_blob_record

    return bool(is_blob_record(data))
