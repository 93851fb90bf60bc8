"""Making a backup: data first, then blobs, and the record that makes it exist last."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from karl.recipe.release.base import files, largefiles
from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.zeoserver.backups import leftovers, units
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.backups.knownblobs import KnownBlobs
from karl.recipe.zeoserver.backups.planning import BackupPlan, tail_of
from karl.recipe.zeoserver.backups.sums import Sums
from karl.recipe.zeoserver.backups.units import Unit
from karl.recipe.zeoserver.databases import blobs, datafs
from karl.recipe.zeoserver.databases.blobs import BlobFile
from karl.recipe.zeoserver.layouts.repository import (
    ChainLayout,
    RepositoryLayout,
    UnitLayout,
)

#: How many missing blobs are named in a record.
_NAMED = 20

_MB = 1 << 20

#: Bytes that stay free on the file system of the backups.
_SPARE = 16 << 20


def write(repository: RepositoryLayout, backup: BackupPlan, reporter: Reporter) -> Unit:
    """Make a full or incremental backup as planned; the storage's lock is held.

    A blob whose file is not there is told, recorded and left out: all the rest is
    still worth having.

    :raises RefusedError: there is not enough free space.
    :raises DamagedError: Data.fs is.
    """
    return _Writing(repository, backup, reporter).run()


class _Writing:
    """One backup that is being made."""

    def __init__(
        self, repository: RepositoryLayout, backup: BackupPlan, reporter: Reporter
    ) -> None:
        self.repository = repository
        self.backup = backup
        self.source = backup.source
        self.reporter = reporter
        self.began = time.time()
        self.start = backup.onto.newest.end if backup.onto else 0
        self.inode = backup.source.inode
        self.known = KnownBlobs(() if backup.onto else backup.before)

    def run(self) -> Unit:
        data, end = self.source.copy.data, self.source.end
        if datafs.end_at(data, end.position) != end:
            raise RefusedError(
                f"{data} does not end with transaction {end.tid}.",
                "It was changed at this moment; run the backup again.",
            )
        self.reporter.say(f"Backup {self.backup.kind}: {self.backup.reason}.")
        if not self.repository.root.is_dir():
            files.make_directory(self.repository.root)
            os.chmod(self.repository.root, 0o700)
        self.contents = datafs.survey(data, self.start, end.position)
        self.layout = blobs.layout_of(self.source.copy.blobs)
        self.paths = [blobs.path_of(name, self.layout) for name in self.contents.blobs]
        self._check_space()
        if self.backup.onto is not None:
            return self._add_to(self.backup.onto)
        return self._begin()

    def _begin(self) -> Unit:
        """Make a new chain, which appears at once and whole."""
        stamp = self.backup.stamp
        final = self.repository.chain(stamp)
        with files.new_tree(final.root) as partial:
            os.chmod(partial, 0o700)
            chain, places = ChainLayout(partial), UnitLayout(partial, stamp)
            unit = self._fill(chain, places, places.full)
            files.write_new(places.dat, units.dat([unit]))
            files.write_new(places.record, units.record(unit))
        return units.read_unit(final.unit(stamp), stamp)

    def _add_to(self, chain: Chain) -> Unit:
        """Add to a chain; the record, last of all, makes it a backup."""
        places = chain.places.unit(self.backup.stamp)
        try:
            files.write_new(
                places.intended_blobs, "".join(f"{path}\n" for path in self.paths)
            )
            unit = self._fill(chain.places, places, places.partial_delta)
            taken = [chain.places.blobs / path for path in self.taken]
            largefiles.sync([places.partial_delta, *taken], chain.places.root)
            files.rename(places.partial_delta, places.delta)
            files.write(chain.places.dat, units.dat([*chain.units, unit]))
            files.write(places.record, units.record(unit))
        except BaseException:
            # What cannot be removed now, the next command removes.
            with contextlib.suppress(OSError):
                leftovers.repair_chain(chain)
            raise
        with contextlib.suppress(OSError):
            files.remove_tree(places.intended_blobs)
        return unit

    def _fill(self, chain: ChainLayout, places: UnitLayout, data: Path) -> Unit:
        """Write data, then blobs, then their manifest; return the unit."""
        end = self.source.end
        digests = self._copy_data(data)
        found, missing = self._take_blobs(chain)
        self.taken = [blob.path for blob in found]
        text = units.manifest(found)
        files.write_new(places.blob_manifest, text)
        if self.source.inode != self.inode:
            raise RefusedError(
                f"{self.source.copy.data} was replaced while it was backed up.",
                "Let only zeoctl pack and change the storage; run the backup again.",
            )
        return Unit(
            chain=self.backup.onto.stamp if self.backup.onto else places.stamp,
            stamp=places.stamp,
            copy=self.source.number,
            start=self.start,
            end=end.position,
            tid=end.tid,
            oldest="" if self.start else self.contents.oldest,
            made=self.began,
            seconds=round(time.time() - self.began, 3),
            **digests,
            tail=tail_of(self.source.copy.data, end.position),
            inode=self.inode,
            transactions=self.contents.transactions,
            blobs=len(found),
            blob_bytes=sum(blob.size for blob in found),
            manifest=hashlib.sha256(text.encode()).hexdigest(),
            reason=self.backup.reason,
            places=places,
            missing=tuple(missing[:_NAMED]),
            missing_blobs=len(missing),
            periods=self.source.periods,
        )

    def _copy_data(self, target: Path) -> Mapping[str, str]:
        source, size = self.source.copy.data, self.source.end.position - self.start
        sums = Sums(self.reporter.task("Data", max(1, size // _MB), "MB"))
        largefiles.copy_range(source, target, self.start, size, sums.feed)
        sums.task.done()
        return {"md5": sums.md5, "sha256": sums.sha256}

    def _take_blobs(self, chain: ChainLayout) -> tuple[list[BlobFile], list[str]]:
        if self.backup.onto is None:
            blobs.prepare(chain.blobs, self.layout)
        known = self.known
        found: list[BlobFile] = []
        missing: list[str] = []
        task = self.reporter.task("Blobs", max(1, len(self.paths)), "blobs")
        for path in self.paths:
            try:
                found.append(known.take(self.source.copy.blobs, chain.blobs, path))
            except FileNotFoundError:
                missing.append(path)
            task.advance()
        task.done()
        if missing:
            self.reporter.warn(
                f"{len(missing)} blobs are not there to back up, such as {missing[0]}; "
                "the backup is made without them."
            )
        return found, missing

    def _check_space(self) -> None:
        """Check that data, and blobs that cannot be linked, fit.

        :raises RefusedError: they do not.
        """
        needed = self.source.end.position - self.start + _SPARE
        folder, where = self.source.copy.blobs, self.repository.root
        if folder.is_dir() and folder.stat().st_dev != where.stat().st_dev:
            needed += sum(self.known.bytes_of(folder, path) for path in self.paths)
        free = shutil.disk_usage(where).free
        if free < needed:
            raise RefusedError(
                f"A backup needs {needed >> 20} MB in {where}, and {free >> 20} MB "
                "are free.",
                "Free some space, or keep fewer chains of backups.",
            )
