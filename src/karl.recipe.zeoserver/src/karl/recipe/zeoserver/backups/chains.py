"""The backups that there are: chains of a full backup and its increments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from karl.recipe.release.base.reporter import Reporter
from karl.recipe.zeoserver.databases.datafs import End
from karl.recipe.zeoserver.declaration.layout import (
    ChainLayout,
    RepositoryLayout,
    UnitLayout,
)


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
    :ivar blobs: how many it added.
    :ivar blob_bytes: in them.
    :ivar manifest: sha256 of the manifest of its blobs.
    :ivar missing: paths of some of the blobs that were not there to back up.
    :ivar missing_count: how many were not there.
    :ivar reason: why it is full, or incremental.
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
    blobs: int
    blob_bytes: int
    manifest: str
    reason: str
    places: UnitLayout
    missing: tuple[str, ...] = ()
    missing_count: int = 0

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
    def until(self) -> End:
        """The state of the database that it brings its chain to."""
        return End(self.end, self.tid)


@dataclass(frozen=True)
class Chain:
    """A full backup and its increments, oldest first.

    :ivar damage: why nothing can be added to it; empty: it is well.
    """

    places: ChainLayout
    units: tuple[Unit, ...]
    damage: str = ""

    @property
    def stamp(self) -> str:
        """Its name, the stamp of its full backup."""
        return self.places.stamp

    @property
    def full(self) -> Unit:
        """Its full backup."""
        return self.units[0]

    @property
    def newest(self) -> Unit:
        """Its last backup."""
        return self.units[-1]

    def upto(self, unit: Unit) -> tuple[Unit, ...]:
        """Return the units that are needed to restore one of them."""
        return self.units[: self.units.index(unit) + 1]


def load(repository: RepositoryLayout) -> tuple[Chain, ...]:
    """Return every chain with its complete backups, oldest first."""
    raise NotImplementedError


def repair(repository: RepositoryLayout, reporter: Reporter) -> None:
    """Remove what killed backups left; the storage's lock is held."""
    raise NotImplementedError


def newest(chains: Sequence[Chain]) -> Unit | None:
    """Return the newest backup."""
    return chains[-1].newest if chains else None


def find(chains: Sequence[Chain], name: str) -> tuple[Chain, Unit]:
    """Return a backup by its name, ``CHAIN/STAMP`` or the stamp alone.

    :raises RefusedError: there is none.
    """
    raise NotImplementedError
