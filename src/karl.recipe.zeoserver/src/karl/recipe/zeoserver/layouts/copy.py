"""The places of one database copy, and of a database that is to be moved here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CopyLayout:
    """The places of one database copy.

    :ivar root: ``databases/<n>``.
    """

    root: Path

    @property
    def data(self) -> Path:
        """``Data.fs``."""
        return self.root / "Data.fs"

    @property
    def index(self) -> Path:
        """``Data.fs.index``: FileStorage's own; it can always be made again."""
        return self.root / "Data.fs.index"

    @property
    def lock(self) -> Path:
        """``Data.fs.lock``: held by whoever has Data.fs open for writing."""
        return self.root / "Data.fs.lock"

    @property
    def temporary(self) -> Path:
        """``Data.fs.tmp``: what FileStorage is committing."""
        return self.root / "Data.fs.tmp"

    @property
    def blobs(self) -> Path:
        """The blob directory."""
        return self.root / "blobs"

    @property
    def packing(self) -> Path:
        """``Data.fs.pack``: what FileStorage writes while it packs."""
        return self.root / "Data.fs.pack"

    @property
    def before_pack(self) -> Path:
        """``Data.fs.old``: what a pack keeps of the time before it."""
        return self.root / "Data.fs.old"

    def cut_off(self, number: int) -> Path:
        """``Data.fs.tr<n>``: what a crash left of a commit; FileStorage's name too."""
        return self.root / f"Data.fs.tr{number}"


@dataclass(frozen=True)
class ForeignLayout:
    """The places of a database that is to be moved here.

    :ivar data: its Data.fs, by whatever name.
    :ivar blobs: its blob directory, if it has one.
    """

    data: Path
    blobs: Path | None = None

    @property
    def lock(self) -> Path:
        """Held by whoever has it open for writing."""
        return self.data.with_name(f"{self.data.name}.lock")
