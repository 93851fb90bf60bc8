"""The store: wheels unpacked once, by hash, for all releases to link from.

An entry appears under its final name only whole and durable.  Several
processes may fill the store at once: each works under names of its own, the
first rename wins, and the others drop their copy.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base import files, locks
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.reporter import Reporter, counted
from karl.recipe.release.distributions.metadata import Metadata
from karl.recipe.release.trees import entry as entries
from karl.recipe.release.trees import workers
from karl.recipe.release.trees.entry import EditedError, Entry
from karl.recipe.release.trees.sources import Source

#: Seconds after which finished entries are made durable, while others are
#: still being made: so the disk works at the same time as the processors.
_BATCH_SECONDS = 1.0


@dataclass(frozen=True)
class Stored:
    """An entry that is in the store."""

    root: Path
    entry: Entry


class Store:
    """The store of a software layout.

    :param count: processes that unpack at the same time.
    """

    def __init__(
        self, software: SoftwareLayout, reporter: Reporter, count: int
    ) -> None:
        self.software = software
        self.reporter = reporter
        self.count = count
        self._read: dict[str, Stored] = {}

    def find(self, sha256: str) -> Stored | None:
        """Return the entry of the wheel with this hash, if there is a whole one.

        :raises EditedError: its description cannot be read.
        """
        root = self.software.store_entry(sha256)
        entry = entries.load(root)
        return Stored(root, entry) if entry and entry.sha256 == sha256 else None

    def metadata(self, sha256: str) -> Metadata | None:
        """Return the METADATA of the wheel with this hash, if its entry tells.

        What was read is kept for :meth:`provide`; whatever becomes of the entry
        meanwhile is seen when it is linked.
        """
        try:
            found = self.find(sha256)
        except EditedError:
            return None  # it is mended when it is wanted
        if found:
            self._read[sha256] = found
        return found.entry.metadata if found else None

    def provide(self, sources: Sequence[Source]) -> list[Stored]:
        """Return the entries of all *sources*, in order; make what is missing.

        Whether an entry was edited is looked at when it is linked.

        :raises DamagedError: a wheel is not sound.
        """
        with locks.sharing(self.software.store_lock, self._clean):
            found = {source.sha256: self._readable(source) for source in sources}
            missing = {s.sha256: s for s in sources if found[s.sha256] is None}
            if missing:
                self._fill(list(missing.values()))
                found.update({sha256: self.find(sha256) for sha256 in missing})
        return [self._present(source, found[source.sha256]) for source in sources]

    def missing(self, sources: Sequence[Source]) -> list[Source]:
        """Return the wheels that are not in the store."""
        return [
            source
            for source in sources
            if source.sha256 not in self._read
            and not entries.record_of(self.software.store_entry(source.sha256)).exists()
        ]

    def _present(self, source: Source, stored: Stored | None) -> Stored:
        if stored is None:
            root = self.software.store_entry(source.sha256)
            raise entries.edited(root, "it vanished while it was used")
        return stored

    def _clean(self) -> None:
        if self.software.store.is_dir():
            for folder in self.software.store.iterdir():
                if folder.is_dir():
                    files.remove_partial(folder)

    def _readable(self, source: Source) -> Stored | None:
        """Return the entry; None if it is to be made."""
        root = self.software.store_entry(source.sha256)
        try:
            stored = self._read.pop(source.sha256, None) or self.find(source.sha256)
        except EditedError as error:
            self.mend(source, error)
            return None
        if stored is None and root.exists():
            self._put_away(root)
        return stored

    def mend(self, source: Source, error: EditedError) -> None:
        """Remove an edited entry, so that it is made anew.

        :raises EditedError: its wheel is not in the pool.
        """
        if not source.path.is_file():
            raise error
        self.reporter.warn(
            f"{error.message} It is made anew from {source.path.name}; releases that "
            "share the edited file have the edit too, and must be verified."
        )
        self._put_away(self.software.store_entry(source.sha256))

    def _put_away(self, root: Path) -> None:
        """Remove an entry that is not what it must be; releases keep its files."""
        aside = files.partial_name(root)
        with contextlib.suppress(FileNotFoundError):
            files.rename(root, aside)
            files.remove_tree(aside)

    def _fill(self, sources: list[Source]) -> None:
        folder = self.software.store_entry(sources[0].sha256).parent
        files.make_directory(folder)
        jobs = [
            (source, files.partial_name(folder / source.sha256))
            for source in sorted(sources, key=lambda s: (-s.size, s.sha256))
        ]
        task = self.reporter.task(
            f"Unpacking {counted(len(jobs), 'wheels')}",
            sum(source.size for source in sources) >> 10,
            "KiB",
        )
        done: list[tuple[Source, Path]] = []
        due = time.monotonic() + _BATCH_SECONDS
        results = workers.spread(_unpack, list(enumerate(jobs)), self.count)
        try:
            with contextlib.closing(results):
                for place in results:
                    done.append(jobs[place])
                    task.advance(jobs[place][0].size >> 10, jobs[place][0].project)
                    if time.monotonic() > due:
                        self._publish(folder, done)
                        due = time.monotonic() + _BATCH_SECONDS
            self._publish(folder, done)
        except BaseException:
            for _, partial in jobs:
                with contextlib.suppress(OSError):
                    files.remove_tree(partial)
            raise
        task.done()

    def _publish(self, folder: Path, done: list[tuple[Source, Path]]) -> None:
        """Make finished entries durable and give them their names."""
        if not done:
            return
        files.sync_file_system(folder)
        for source, partial in done:
            final = self.software.store_entry(source.sha256)
            files.seam("rename", final)
            try:
                os.rename(partial, final)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
                files.remove_tree(partial)
        files.fsync_directory(folder)
        done.clear()


def _unpack(job: tuple[int, tuple[Source, Path]]) -> int:
    # Here, because most releases find all they need in the store.
    from karl.recipe.release.trees.unpacking import unpack

    place, (source, partial) = job
    unpack(source, partial)
    return place
