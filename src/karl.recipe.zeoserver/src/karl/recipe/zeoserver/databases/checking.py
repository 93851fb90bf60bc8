"""Reading a whole database, and whether every byte is as FileStorage wants it."""

from __future__ import annotations

import logging
import os
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from BTrees.QQBTree import QQTreeSet
from ZODB.fsIndex import fsIndex
from ZODB.POSException import POSKeyError
from ZODB.serialize import referencesf

from karl.recipe.release.base import largefiles
from karl.recipe.release.base.errors import DamagedError
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.zeoserver.databases import blobs, datafs, records
from karl.recipe.zeoserver.databases.blobs import BlobName
from karl.recipe.zeoserver.databases.datafs import Findings
from karl.recipe.zeoserver.databases.records import Header, Record
from karl.recipe.zeoserver.layouts.copy import CopyLayout

_MB = 1 << 20

#: How many missing blobs are named.
_NAMED = 20

#: Objects between two signs of life.
_STRIDE = 1000


class Checking:
    """One check: first record by record, in the order of the file.

    What it remembers of each object is its position (about eight bytes) and, of
    those referred to before they come, their number.
    """

    def __init__(self, copy: CopyLayout, reporter: Reporter) -> None:
        self.copy = copy
        self.reporter = reporter
        self.index = fsIndex()
        #: Objects referred to that had not come yet.
        self.wanted = QQTreeSet()
        #: Objects that an undo took away.
        self.gone = QQTreeSet()
        self.layout = blobs.layout_of(copy.blobs)
        self.transactions = self.records = self.blobs = 0
        self.missing_blobs = self.wrong_previous = 0
        self.missing: list[str] = []

    def run(self, *, load_all: bool) -> Findings:
        """Check everything; see :func:`.datafs.check`."""
        end = datafs.end_of(self.copy.data)
        self._scan(end.position)
        largefiles.write_with(
            self.copy.index, lambda path: self.index.save(end.position, str(path))
        )
        return Findings(
            tid=end.tid,
            position=end.position,
            transactions=self.transactions,
            objects=len(self.index) - len(self.gone),
            records=self.records,
            blobs=self.blobs,
            missing_blobs=self.missing_blobs,
            missing=tuple(self.missing),
            dangling=self._dangling(),
            wrong_previous=self.wrong_previous,
            loaded=self._load_all() if load_all else 0,
        )

    def _scan(self, stop: int) -> None:
        name = self.copy.data
        task = self.reporter.task("Check the database", max(1, stop // _MB), "MB")
        told, last = 0, bytes(8)
        with name.open("rb", _MB) as stream:
            for header in records.headers(
                stream.fileno(), records.BEGINNING, stop, name
            ):
                if header.tid <= last:
                    raise records.damaged(
                        name, header.start, "a transaction is older than the one before"
                    )
                last = header.tid
                self.transactions += 1
                self._scan_transaction(stream, header)
                if header.end // _MB > told:
                    task.advance(header.end // _MB - told)
                    told = header.end // _MB
        task.done(f"{self.records} records")

    def _scan_transaction(self, stream: BinaryIO, header: Header) -> None:
        descriptor, name = stream.fileno(), self.copy.data
        places: dict[bytes, int] = {}
        # A transaction may have two records of a blob, which are one file.
        found: dict[bytes, Record] = {}
        for record in records.records(stream, header, name):
            self.records += 1
            if record.previous and self.index.get(record.oid) != record.previous:
                self.wrong_previous += 1
            places[record.oid] = record.position
            self._note_gone(record)
            if record.back is None:
                self._scan_pickles(stream, record)
            if records.is_blob(descriptor, record, name):
                found[record.oid] = record
        for record in found.values():
            self._see_blob(record)
        self.index.update(places)

    def _note_gone(self, record: Record) -> None:
        number = int.from_bytes(record.oid)
        if record.back == 0:
            self.gone.add(number)
        elif self.gone and number in self.gone:
            self.gone.remove(number)

    def _scan_pickles(self, stream: BinaryIO, record: Record) -> None:
        stream.seek(record.data)
        data = stream.read(record.size)
        try:
            if data.startswith(b".z"):
                data = zlib.decompress(data[2:])
            found = referencesf(data)
        except Exception as error:
            # Whatever bytes that are no pickle make of the machine that reads them.
            raise records.damaged(
                self.copy.data,
                record.position,
                f"the data of object {record.oid.hex()} cannot be read ({error})",
            ) from error
        for oid in found:
            if oid not in self.index:
                self.wanted.add(int.from_bytes(oid))

    def _see_blob(self, record: Record) -> None:
        self.blobs += 1
        path = blobs.path_of(BlobName(record.oid, record.tid), self.layout)
        try:
            blobs.status_of(self.copy.blobs, path)
        except (FileNotFoundError, DamagedError):
            self.missing_blobs += 1
            if len(self.missing) < _NAMED:
                self.missing.append(path)

    def _dangling(self) -> int:
        return sum(1 for number in self.wanted if number.to_bytes(8) not in self.index)

    def _load_all(self) -> int:
        """Load every object and open every blob, as a server would."""
        from ZODB.FileStorage import FileStorage

        # It warns of what was found already, and of clocks.
        logging.getLogger("ZODB").addHandler(logging.NullHandler())
        storage = FileStorage(
            str(self.copy.data), read_only=True, blob_dir=str(self.copy.blobs)
        )
        task = self.reporter.task("Load every object", len(self.index), "objects")
        loaded = 0
        try:
            for oid in self._objects():
                self._load(storage, oid)
                loaded += 1
                if not loaded % _STRIDE:
                    task.advance(_STRIDE)
        finally:
            storage.close()
        task.done()
        return loaded

    def _objects(self) -> Iterator[bytes]:
        for oid in self.index:
            if not self.gone or int.from_bytes(oid) not in self.gone:
                yield oid

    def _load(self, storage: Any, oid: bytes) -> None:
        from ZODB.FileStorage.format import CorruptedError

        try:
            data, tid = storage.load(oid)
        except (POSKeyError, CorruptedError) as error:
            raise DamagedError(
                f"{self.copy.data} is damaged: object {oid.hex()} cannot be loaded "
                f"({error!r}).",
                "Do not serve it; restore the newest backup to a new copy.",
            ) from error
        if not records.is_blob_data(data):
            return
        try:
            with storage.openCommittedBlobFile(oid, tid) as stream:
                os.fstat(stream.fileno())
        except (OSError, POSKeyError):
            pass  # Found missing before.
