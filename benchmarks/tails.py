"""The small tail: what is committed to a database between two backups."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ZODB.Connection import TransactionMetaData

from benchmarks.databases import BLOB_BYTES, BLOB_RECORD, leaf

#: Bytes in each object that is written.
_PAYLOAD = 1000


@dataclass(frozen=True)
class Tail:
    """Some transactions.

    :ivar objects: that each of them writes.
    :ivar blobs: how many of the transactions add one.
    """

    transactions: int = 200
    objects: int = 5
    blobs: int = 20

    def __str__(self) -> str:
        return (
            f"{self.transactions} transactions of {self.objects} objects, "
            f"{self.blobs} of them with a new blob"
        )

    def commit(self, storage: Any, oids: Sequence[int], blobs: Path) -> None:
        """Commit to *storage*.

        :param oids: of objects without a blob; they are written in turn.
        :param blobs: folder on the file system of the storage's blob directory.
        """
        every = self.transactions // self.blobs if self.blobs else 0
        for number in range(self.transactions):
            first = number * self.objects
            chosen = [oids[(first + n) % len(oids)] for n in range(self.objects)]
            with_blob = bool(every) and number % every == 0
            commit(storage, chosen, blobs if with_blob else None)


def commit(storage: Any, oids: Sequence[int], blobs: Path | None = None) -> None:
    """Commit one transaction; without success, abort it and let the error pass.

    :param blobs: where the file of a new blob is made, to which the first object
        then refers; None: no blob.
    """
    found = TransactionMetaData()
    storage.tpc_begin(found)
    try:
        new = _add_blob(storage, blobs, found) if blobs else None
        for oid in oids:
            name = oid.to_bytes(8)
            serial = storage.load(name)[1]
            record = leaf(bytes(_PAYLOAD), new)
            storage.store(name, serial, record, "", found)
            new = None
        storage.tpc_vote(found)
        storage.tpc_finish(found)
    except BaseException:
        storage.tpc_abort(found)
        raise


def _add_blob(storage: Any, folder: Path, found: Any) -> int:
    """Add a blob; return its object id."""
    oid: bytes = storage.new_oid()
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        file.write(bytes(BLOB_BYTES))
    storage.storeBlob(oid, bytes(8), BLOB_RECORD, file.name, "", found)
    return int.from_bytes(oid)
