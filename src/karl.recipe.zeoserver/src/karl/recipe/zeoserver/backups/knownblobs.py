"""Blobs that an earlier chain has already: not read, and not copied, once more."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from karl.recipe.zeoserver.backups import units, verdicts
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.databases import blobs
from karl.recipe.zeoserver.databases.blobs import BlobFile


class KnownBlobs:
    """The blobs of the newest chain before, by their paths.

    Committed blobs never change.  One that is the same file as in that chain has
    the checksum it had; one that had to be copied there is read, and if it is what
    it was, it is not copied again, but linked from there.  A chain in which a
    verification found damage is no help.

    :param before: the chains that there are.
    """

    def __init__(self, before: Sequence[Chain]) -> None:
        self._folder = Path()
        self._blobs: dict[str, BlobFile] = {}
        if not before or not before[-1].units or before[-1].damage:
            return
        chain = before[-1]
        if verdicts.damaged(chain.units):
            return
        self._folder = chain.places.blobs
        for unit in chain.units:
            self._blobs |= {blob.path: blob for blob in units.read_manifest(unit)}

    def take(self, source: Path, target: Path, path: str) -> BlobFile:
        """Have a blob of *source* in *target* too; see :func:`.blobs.take`."""
        kept = self._kept(source, path)
        if kept is None:
            return blobs.take(source, target, path)
        if self._shared(source, path) or self._is_whole(kept):
            return blobs.take(self._folder, target, path, kept.sha256)
        # Damage in one chain must not come into all that follow.
        return blobs.take(source, target, path)

    def _is_whole(self, kept: BlobFile) -> bool:
        try:
            return blobs.sum_of(self._folder, kept.path) == kept
        except OSError:
            return False

    def _shared(self, source: Path, path: str) -> bool:
        """Tell whether the earlier chain has a blob as a link to *source*."""
        return os.path.samestat(
            blobs.status_of(source, path), blobs.status_of(self._folder, path)
        )

    def bytes_of(self, source: Path, path: str) -> int:
        """Return the bytes that a blob takes if it cannot be linked to *source*."""
        try:
            if self._kept(source, path) is not None:
                return 0
            return blobs.status_of(source, path).st_size
        except FileNotFoundError:
            return 0

    def _kept(self, source: Path, path: str) -> BlobFile | None:
        """Return a blob if the earlier chain has it, the same."""
        if path not in self._blobs:
            return None
        here = blobs.status_of(source, path)
        try:
            there = blobs.status_of(self._folder, path)
        except FileNotFoundError:
            return None
        known = self._blobs[path]
        same_file = (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
        same_time = here.st_mtime_ns == there.st_mtime_ns
        same_size = here.st_size == there.st_size == known.size
        same = same_size and (same_file or (same_time and here.st_dev != there.st_dev))
        return known if same else None
