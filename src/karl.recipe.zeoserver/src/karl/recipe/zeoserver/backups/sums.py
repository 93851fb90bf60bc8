"""Checksums of data, as it passes by."""

from __future__ import annotations

import hashlib

from karl.recipe.release.base.reporter import Task

_MB = 1 << 20


class Sums:
    """The checksums of what it is fed, and a task that shows how far it is."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self._size = 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece."""
        self._md5.update(piece)
        self._sha256.update(piece)
        told = self._size // _MB
        self._size += len(piece)
        if self._size // _MB > told:
            self.task.advance(self._size // _MB - told)

    @property
    def md5(self) -> str:
        """Of all that was fed."""
        return self._md5.hexdigest()

    @property
    def sha256(self) -> str:
        """Of all that was fed."""
        return self._sha256.hexdigest()

    @property
    def size(self) -> int:
        """Bytes that were fed."""
        return self._size
