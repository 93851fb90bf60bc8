"""repozo and rsync, as collective.recipe.backup calls them.

Of version 5 of it, with one exception: it compresses (``--gzip``), which takes
many times as long as all the rest; it is left out, for the others do not compress.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.databases import Database
from benchmarks.programs import COMMANDS, Command, output

_BLOBS = "blobs"
_STAMP = "%Y-%m-%d-%H-%M-%S"


@dataclass(frozen=True)
class Backups:
    """Backups of one database, and where they are restored.

    :ivar folder: of all of it.
    :ivar home: of the programs.
    """

    database: Database
    folder: Path
    home: Path

    @property
    def repository(self) -> Path:
        """What repozo calls so."""
        return self.folder / "backups"

    @property
    def blobs(self) -> Path:
        """A folder a backup, with all blobs of then."""
        return self.folder / "blobstoragebackups"

    @property
    def restored(self) -> Database:
        """Where backups are restored."""
        return Database(
            self.folder / "restored" / "Data.fs", self.folder / "restored" / _BLOBS
        )

    def full(self) -> float:
        """Make a full backup, the first; return its seconds."""
        self.repository.mkdir()
        self.blobs.mkdir()
        return self._backup("-F")

    def increment(self, *options: str) -> float:
        """Add what is new; return the seconds.

        :param options: ``--quick``: look at the last backup only, not at all of
            them, before it is believed that they are of this database.
        """
        return self._backup(*options)

    def restore(self) -> float:
        """Restore the newest backup; return the seconds.

        Blobs that were restored there before stay, as rsync has it.
        """
        target = self.restored
        target.data.parent.mkdir(exist_ok=True)
        source = self.blobs / f"{_BLOBS}.{self._stamp()}" / _BLOBS
        return _seconds(
            lambda: self._repozo("--recover", "-o", target.data, "-r", self.repository),
            lambda: self._run("rsync", "-a", "--delete", source, target.blobs.parent),
        )

    def _backup(self, *options: str) -> float:
        before = sorted(self.blobs.iterdir())
        while before and self._stamp() == time.strftime(_STAMP, time.gmtime()):
            time.sleep(0.05)  # or two backups would have the same name
        return _seconds(
            lambda: self._repozo(
                "--backup", "-f", self.database.data, "-r", self.repository, *options
            ),
            lambda: self._copy_blobs(before[-1] if before else None),
        )

    def _copy_blobs(self, before: Path | None) -> None:
        target = self.blobs / f"{_BLOBS}.{self._stamp()}"
        linked = (
            ["--delete", f"--link-dest={os.path.relpath(before, target)}"]
            if before
            else []
        )
        self._run("rsync", "-a", *linked, self.database.blobs, target)

    def _stamp(self) -> str:
        """Return the time of the newest backup, as repozo writes it."""
        names = (path for path in self.repository.iterdir() if "fs" in path.suffix)
        return max(path.stem for path in names)

    def _repozo(self, *arguments: str | Path) -> None:
        self._run(sys.executable, COMMANDS / "repozo", *arguments)

    def _run(self, *argv: str | Path) -> None:
        command: Command = argv
        output(command, home=self.home)


def _seconds(*steps: Callable[[], None]) -> float:
    start = time.perf_counter()
    for step in steps:
        step()
    return time.perf_counter() - start
