"""Is there room?  Asked before anything is written."""

from __future__ import annotations

import os
from pathlib import Path

from karl.recipe.release.base.errors import RefusedError
from karl.recipe.zeoserver.operations.words import megabytes

#: What is left to everybody else.
RESERVE = 64 << 20


def free(path: Path) -> int:
    """Return the bytes that we may write to *path*'s file system."""
    while not path.exists():
        path = path.parent
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def writable(path: Path) -> bool:
    """Tell whether *path*'s file system takes anything at all."""
    while not path.exists():
        path = path.parent
    return not os.statvfs(path).f_flag & os.ST_RDONLY


def check(path: Path, need: int, purpose: str) -> None:
    """Refuse to begin if a disk is too full.

    :param need: bytes, without the reserve.
    :param purpose: such as ``restore a copy``.
    :raises RefusedError: it is; tells how much is needed.
    """
    there = free(path)
    if there < need + RESERVE:
        raise RefusedError(
            f"There is no room to {purpose}: {megabytes(there)} are free at {path}, "
            f"{megabytes(need + RESERVE)} are needed.",
            "Make room: zeoctl prune removes retired copies.",
        )
