"""One backup: its record, the manifest of its blobs, its line in repozo's list."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError
from karl.recipe.zeoserver.databases import blobs, typed
from karl.recipe.zeoserver.databases.blobs import BlobFile
from karl.recipe.zeoserver.databases.datafs import End
from karl.recipe.zeoserver.databases.periods import Periods
from karl.recipe.zeoserver.layouts.repository import UnitLayout

_FORMAT = 1

#: What to do about a backup that is not whole.
ADVICE = "Make a full backup now, and restore from another chain meanwhile."


@dataclass(frozen=True)
class Unit:
    """One backup: bytes of Data.fs and the blobs that belong to them.

    :ivar chain: stamp of the full backup that it builds on, or is.
    :ivar stamp: its own.
    :ivar copy: number of the database copy.
    :ivar start: first byte of Data.fs that it holds; 0 for a full one.
    :ivar end: just after the last one.
    :ivar tid: the last transaction that it holds.
    :ivar oldest: of a full one: the oldest transaction as of which it can be
        restored; what was before was packed away.
    :ivar made: when, seconds since the epoch.
    :ivar seconds: how long it took.
    :ivar md5: of its data, as in repozo's list.
    :ivar sha256: of its data.
    :ivar tail: md5 of the last bytes of Data.fs before *end*.
    :ivar inode: of Data.fs.
    :ivar transactions: how many its data has.
    :ivar blobs: how many it added.
    :ivar blob_bytes: in them.
    :ivar manifest: sha256 of the manifest of its blobs.
    :ivar missing: paths of some of the blobs that were not there to back up.
    :ivar missing_blobs: how many were not there.
    :ivar reason: why it is full, or incremental.
    :ivar periods: the times of which it tells what the site had.
    """

    chain: str
    stamp: str
    copy: int
    start: int
    end: int
    tid: str
    oldest: str
    made: float
    seconds: float
    md5: str
    sha256: str
    tail: str
    inode: int
    transactions: int
    blobs: int
    blob_bytes: int
    manifest: str
    reason: str
    places: UnitLayout
    missing: tuple[str, ...] = ()
    missing_blobs: int = 0
    periods: Periods = ()

    @property
    def name(self) -> str:
        """``<chain>/<stamp>``."""
        return f"{self.chain}/{self.stamp}"

    @property
    def full(self) -> bool:
        """Whether it begins a chain."""
        return self.start == 0

    @property
    def size(self) -> int:
        """Bytes of Data.fs."""
        return self.end - self.start

    @property
    def data(self) -> Path:
        """The file with its data."""
        return self.places.full if self.full else self.places.delta

    @property
    def until(self) -> End:
        """The state of the database that it brings its chain to."""
        return End(self.end, self.tid)


def read_unit(places: UnitLayout, chain: str) -> Unit:
    """Return a backup by its record.

    :raises DamagedError: the record cannot be understood.
    """
    try:
        values = json.loads(places.record.read_text(encoding="utf-8"))
        _check_format(values)
        unit = typed.built(Unit, values, places=places)
        _check_values(unit, chain)
    except (
        AttributeError,
        KeyError,
        OSError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise DamagedError(
            f"{places.record} does not describe a backup: {typed.wrong(error)}.", ADVICE
        ) from None
    return unit


def _check_format(values: dict[str, Any]) -> None:
    if values.pop("format") != _FORMAT:
        raise ValueError("it is of another format")


def _check_values(unit: Unit, chain: str) -> None:
    if (unit.chain, unit.stamp) != (chain, unit.places.stamp):
        raise ValueError("it is of another backup")
    if unit.end < unit.start or bool(unit.missing) != bool(unit.missing_blobs):
        raise ValueError("its numbers do not fit each other")
    typed.tid(unit.tid)
    for tid in (unit.oldest, *itertools.chain(*unit.periods)):
        if tid:
            typed.tid(tid)


def record(unit: Unit) -> str:
    """Return the content of a backup's record."""
    values = {
        field.name: getattr(unit, field.name)
        for field in dataclasses.fields(unit)
        if field.name != "places"
    }
    return files.canonical_json({"format": _FORMAT, **values})


def manifest(found: Sequence[BlobFile]) -> str:
    """Return the content of a manifest of blobs."""
    return "".join(f"{blob.sha256} {blob.size} {blob.path}\n" for blob in found)


def read_manifest(unit: Unit) -> tuple[BlobFile, ...]:
    """Return the blobs that a backup added.

    :raises DamagedError: the manifest is not what was written.
    """
    places = unit.places.blob_manifest
    try:
        if files.sha256_of(places) != unit.manifest:
            raise DamagedError(
                f"{places} is not what was written.",
                "Verify the other backups; restore from one that is whole.",
            )
        return tuple(_blob(line) for line in places.read_text("ascii").splitlines())
    except FileNotFoundError:
        raise DamagedError(f"{places} is missing.", ADVICE) from None


def _blob(line: str) -> BlobFile:
    digest, size, path = line.split(" ")
    blobs.tid_of(path)
    return BlobFile(digest, int(size), path)


def dat(units: Sequence[Unit]) -> str:
    """Return the content of repozo's list: file, start, end and md5.

    The names are without folders: repozo cannot read a blank in one.
    """
    return "".join(
        f"{unit.data.name} {unit.start} {unit.end} {unit.md5}\n" for unit in units
    )
