"""How much a pack would free, told by FileStorage's own search for garbage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karl.recipe.zeoserver.databases import tids
from karl.recipe.zeoserver.databases.blobs import BlobName, layout_of, path_of
from karl.recipe.zeoserver.databases.records import BEGINNING
from karl.recipe.zeoserver.layouts.copy import CopyLayout


@dataclass(frozen=True)
class Estimate:
    """What a pack would remove.

    :ivar records: of objects.
    :ivar bytes: of Data.fs.
    :ivar blobs: files.
    :ivar blob_bytes: of blobs.
    """

    records: int
    bytes: int
    blobs: int
    blob_bytes: int


def estimate(copy: CopyLayout, position: int, before: float, *, gc: bool) -> Estimate:
    """Read the database as a pack would, and change nothing.

    :param position: where the last committed transaction ends.
    :param before: seconds since the epoch; what was replaced earlier goes.
    :param gc: objects that nothing refers to go too.
    """
    from ZODB.FileStorage.FileStorage import RedundantPackWarning
    from ZODB.FileStorage.fspack import GC
    from ZODB.serialize import referencesf

    stop = bytes.fromhex(tids.of_time(before))
    with copy.data.open("rb") as stream:
        garbage = GC(stream, position, stop, gc, referencesf)
        try:
            garbage.findReachable()
        except RedundantPackWarning:
            return Estimate(0, 0, 0, 0)
        return _sum(copy, garbage)


def _sum(copy: CopyLayout, garbage: Any) -> Estimate:
    """Add up the records before the time of the pack that nothing reaches."""
    records = size = 0
    blobs: dict[Path, int] = {}
    position = BEGINNING
    layout = layout_of(copy.blobs)
    while position < garbage.packpos:
        transaction = garbage._read_txn_header(position)  # noqa: SLF001
        end = position + transaction.tlen
        place = position + transaction.headerlen()
        removed = kept = 0
        while place < end:
            record = garbage._read_data_header(place)  # noqa: SLF001
            if garbage.isReachable(record.oid, place):
                kept += 1
            else:
                records, removed = records + 1, removed + record.recordlen()
                blobs |= _blob(copy, BlobName(record.oid, record.tid), layout)
            place += record.recordlen()
        size += removed if kept else transaction.tlen + 8
        position = end + 8
    return Estimate(records, size, len(blobs), sum(blobs.values()))


def _blob(copy: CopyLayout, name: BlobName, layout: str) -> dict[Path, int]:
    """Return the blob file of a record, if it has one, and its size.

    ZEO can write the record of a blob twice.
    """
    path = copy.blobs / path_of(name, layout)
    return {path: path.stat().st_size} if path.is_file() else {}
