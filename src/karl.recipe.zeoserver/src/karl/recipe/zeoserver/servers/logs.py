"""The ends of the servers' logs, and what is added to them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

#: Bytes of a log's end in which its last lines are looked for.
_TAIL = 1 << 20

#: Seconds between two looks at a log.
_PAUSE = 0.25


def tail(path: Path, count: int) -> list[str]:
    """Return the last *count* lines of a log; none if there is no log."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL))
            lines = stream.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return lines[-count:] if count else []


class Follower:
    """What is added to a log, also when it was rotated meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._inode, self._position = self._now()
        self._rest = b""

    def lines(self) -> Iterator[str]:
        """Yield the whole lines that were added since the last call."""
        inode, size = self._now()
        if inode != self._inode or size < self._position:
            self._inode, self._position, self._rest = inode, 0, b""
        if size == self._position:
            return
        with self.path.open("rb") as stream:
            stream.seek(self._position)
            found = self._rest + stream.read()
            self._position = stream.tell()
        *whole, self._rest = found.split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")

    def _now(self) -> tuple[int, int]:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_ino, found.st_size


def follow(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Yield each line that is added to one of the logs, for ever."""
    followers = [Follower(path) for path in paths]
    while True:
        for follower in followers:
            for line in follower.lines():
                yield follower.path, line
        time.sleep(_PAUSE)
