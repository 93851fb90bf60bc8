"""Databases of any size, written in FileStorage's own format.

A million objects through a connection would take many minutes.  What is written
is what ZODB writes itself: a root, folders that refer to everything, records that
unpickle, committed blob files in their places, and an index of it all.
"""

from __future__ import annotations

import filecmp
import io
import itertools
import os
import pickle
import random
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from persistent.mapping import PersistentMapping
from persistent.TimeStamp import TimeStamp
from ZODB.blob import Blob
from ZODB.FileStorage.format import DATA_HDR, TRANS_HDR
from ZODB.fsIndex import fsIndex

from benchmarks.sizes import DatabaseSize

#: Bytes of each blob.
BLOB_BYTES = 2000

_MAGIC = b"FS30"
_PROTOCOL = 3
_FOLDER = 1000  # objects that a folder refers to
_BATCH = 100  # objects that a transaction writes
_BEGIN = 1_600_000_000  # the first transaction, a second apart from the next
_NOISE = 1 << 20

_CONF = """\
<zodb main>
  <filestorage>
    path {database.data}
    blob-dir {database.blobs}
  </filestorage>
</zodb>
"""

_TRANSACTION = struct.Struct(TRANS_HDR)
_DATA = struct.Struct(DATA_HDR)

#: Object id and record.
Record = tuple[int, bytes]


@dataclass(frozen=True)
class Database:
    """A database on disk.

    :ivar data: Data.fs; its index is beside it.
    :ivar blobs: the blob directory.
    """

    data: Path
    blobs: Path

    @property
    def index(self) -> Path:
        """What FileStorage keeps beside Data.fs."""
        return self.data.with_name(f"{self.data.name}.index")

    @property
    def conf(self) -> str:
        """What opens it where nobody serves it: the content of ``zodb.conf``."""
        return _CONF.format(database=self)


@dataclass(frozen=True)
class Plan:
    """Which objects a database has: the root, folders, and what is in them.

    :ivar payload: bytes in each object that is no blob.
    """

    size: DatabaseSize
    payload: int

    @property
    def folders(self) -> range:
        """Their object ids."""
        return range(1, 1 + -(-self.size.objects // _FOLDER))

    @property
    def leaves(self) -> range:
        """The object ids of what is in folders."""
        return range(self.folders.stop, self.size.objects)

    def has_blob(self, oid: int) -> bool:
        """Tell whether a leaf is a blob: they are spread evenly."""
        number, count = oid - self.leaves.start, len(self.leaves)
        blobs = self.size.blobs
        return number * blobs // count != (number + 1) * blobs // count

    def kind(self, oid: int) -> type:
        """Return the class of a leaf."""
        found: type = Blob if self.has_blob(oid) else PersistentMapping
        return found

    def plain(self, count: int) -> list[int]:
        """Return ids of that many leaves without a blob, spread evenly."""
        found = [oid for oid in self.leaves if not self.has_blob(oid)]
        return found[:: max(1, len(found) // count)][:count]


def planned(size: DatabaseSize) -> Plan:
    """Return the plan of a database: what of its bytes is no header is payload."""
    bare = _DATA.size + len(leaf(b""))
    each = size.megabytes * 10**6 // (size.objects - size.blobs)
    return Plan(size, max(1, each - bare))


def write(folder: Path, size: DatabaseSize) -> Database:
    """Write a database of *size* into *folder*, which is empty."""
    found = Database(folder / "Data.fs", folder / "blobs")
    noise = random.Random(size.name).randbytes(_NOISE)
    files = _BlobFiles(found.blobs, noise[:BLOB_BYTES])
    plan, index = planned(size), fsIndex()
    records = iter(_records(plan, noise))
    with found.data.open("wb") as stream:
        stream.write(_MAGIC)
        position = len(_MAGIC)
        for number in itertools.count():
            batch = list(itertools.islice(records, _BATCH))
            if not batch:
                break
            tid = _tid(number)
            position = _write_transaction(stream, position, tid, batch, index)
            for oid, record in batch:
                if record is BLOB_RECORD:
                    files.add(oid, tid)
    index.save(position, os.fspath(found.index))
    return found


class DifferentCopyError(Exception):
    """A copy is not what the database is."""


def compare(database: Database, copy: Database) -> None:
    """Compare a copy with the database it was made from.

    :raises DifferentCopyError: Data.fs differs, or which blobs there are.
    """
    same = filecmp.cmp(database.data, copy.data, shallow=False)
    if not same or _names(database.blobs) != _names(copy.blobs):
        raise DifferentCopyError(f"{copy.data} is not like {database.data}")


def _names(blobs: Path) -> set[str]:
    """Return the paths of all blobs in a blob directory."""
    return {
        os.path.relpath(folder, blobs) + f"/{name}"
        for folder, _, names in os.walk(blobs)
        for name in names
        if name.endswith(".blob")
    }


def leaf(payload: bytes, blob: int | None = None) -> bytes:
    """Return the record of an object with *payload*.

    :param blob: id of a blob that it refers to.
    """
    content: dict[str, object] = {"text": payload}
    if blob is not None:
        content["blob"] = _Reference(blob, Blob)
    return _record(PersistentMapping, {"data": content})


def _record(kind: type, state: object) -> bytes:
    """Return an object's record: its class and its state, a pickle each."""
    stream = io.BytesIO()
    for part in (kind, state):
        _Pickler(stream, _PROTOCOL).dump(part)
    return stream.getvalue()


@dataclass(frozen=True)
class _Reference:
    """A reference to an object, from another one's state."""

    oid: int
    kind: type


class _Pickler(pickle.Pickler):
    """Writes references as ZODB does."""

    def persistent_id(self, obj: object) -> tuple[bytes, type] | None:
        if isinstance(obj, _Reference):
            return obj.oid.to_bytes(8), obj.kind
        return None


#: The record of every blob.
BLOB_RECORD = _record(Blob, None)


def _records(plan: Plan, noise: bytes) -> Iterator[Record]:
    """Yield the records of all objects."""
    yield 0, _folder(dict.fromkeys(plan.folders, PersistentMapping))
    for number, oid in enumerate(plan.folders):
        content = plan.leaves[number * _FOLDER : (number + 1) * _FOLDER]
        yield oid, _folder({each: plan.kind(each) for each in content})
    before, _, after = leaf(noise[: plan.payload]).partition(noise[: plan.payload])
    last = len(noise) - plan.payload
    for oid in plan.leaves:
        if plan.has_blob(oid):
            yield oid, BLOB_RECORD
        else:
            start = oid * 997 % last
            payload = noise[start : start + plan.payload]
            yield oid, b"".join((before, payload, after))


def _folder(content: Mapping[int, type]) -> bytes:
    """Return the record of a folder."""
    entries = {str(oid): _Reference(oid, kind) for oid, kind in content.items()}
    return _record(PersistentMapping, {"data": entries})


def _write_transaction(
    stream: IO[bytes], start: int, tid: bytes, records: Sequence[Record], index: fsIndex
) -> int:
    """Write one transaction at *start*; return where it ends."""
    position = start + _TRANSACTION.size
    parts = [b""]
    for number, record in records:
        oid = number.to_bytes(8)
        parts += (_DATA.pack(oid, tid, 0, start, 0, len(record)), record)
        index[oid] = position
        position += _DATA.size + len(record)
    length = position - start
    parts[0] = _TRANSACTION.pack(tid, length, b" ", 0, 0, 0)
    parts.append(length.to_bytes(8))
    stream.write(b"".join(parts))
    return position + 8


def _tid(number: int) -> bytes:
    moment = time.gmtime(_BEGIN + number)
    tid: bytes = TimeStamp(*moment[:6]).raw()
    return tid


class _BlobFiles:
    """Writes committed blob files where ZODB puts them: a folder an object."""

    def __init__(self, root: Path, content: bytes) -> None:
        (root / "tmp").mkdir(parents=True)
        (root / ".layout").write_text("bushy", encoding="utf-8")
        self._root = os.fspath(root)
        self._content = content
        self._above = ""

    def add(self, oid: int, tid: bytes) -> None:
        """Write the file of one object."""
        levels = [f"0x{byte:02x}" for byte in oid.to_bytes(8)]
        above = "/".join((self._root, *levels[:-1]))
        if above != self._above:
            os.makedirs(above, exist_ok=True)
            self._above = above
        folder = f"{above}/{levels[-1]}"
        os.mkdir(folder)
        name = f"{folder}/0x{tid.hex()}.blob"
        file = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o400)
        try:
            os.write(file, self._content)
        finally:
            os.close(file)
