"""The places of backups: a repository, its chains, and each backup of a chain."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base.names import checked_label


@dataclass(frozen=True)
class UnitLayout:
    """The places of one backup.

    :ivar chain: the folder of its chain.
    :ivar stamp: UTC time in repozo's form, ``2026-11-23-01-30-00``.
    """

    chain: Path
    stamp: str

    @property
    def full(self) -> Path:
        """Data.fs from its beginning, as repozo names it."""
        return self.chain / f"{self.stamp}.fs"

    @property
    def delta(self) -> Path:
        """What was added to Data.fs since the backup before, as repozo names it."""
        return self.chain / f"{self.stamp}.deltafs"

    @property
    def dat(self) -> Path:
        """repozo's list of the chain's files, if this is its full backup."""
        return self.chain / f"{self.stamp}.dat"

    @property
    def partial_delta(self) -> Path:
        """The increment while it is written."""
        return self.chain / f".partial-{self.stamp}.deltafs"

    @property
    def intended_blobs(self) -> Path:
        """Paths of the blobs that an unfinished backup may have added."""
        return self.chain / f".partial-{self.stamp}.blobs"

    @property
    def blob_manifest(self) -> Path:
        """The blobs that this backup added, with checksums."""
        return self.chain / f"{self.stamp}.blobs"

    @property
    def record(self) -> Path:
        """``<stamp>.json``: written last; without it there is no backup."""
        return self.chain / f"{self.stamp}.json"

    @property
    def verification(self) -> Path:
        """``<stamp>.verified.json``: what its last verification found."""
        return self.chain / f"{self.stamp}.verified.json"


@dataclass(frozen=True)
class ChainLayout:
    """The places of one full backup and its increments.

    :ivar root: the folder; ``repozo -r`` takes it as a repository.
    """

    root: Path

    @property
    def stamp(self) -> str:
        """The stamp of the full backup."""
        return self.root.name

    @property
    def dat(self) -> Path:
        """repozo's list of the chain's files."""
        return self.root / f"{self.stamp}.dat"

    @property
    def blobs(self) -> Path:
        """All blobs of the chain, as in a blob directory."""
        return self.root / "blobs"

    def unit(self, stamp: str) -> UnitLayout:
        """Return the places of one backup of the chain."""
        return UnitLayout(self.root, checked_label(stamp))


@dataclass(frozen=True)
class RepositoryLayout:
    """The places of a storage's backups.

    :ivar root: the repository; may be on another file system.
    """

    root: Path

    @property
    def in_use(self) -> Path:
        """A lock: shared by what reads backups, held by what removes them."""
        return self.root / ".in-use"

    def chain(self, stamp: str) -> ChainLayout:
        """Return the places of one chain."""
        return ChainLayout(self.root / checked_label(stamp))
