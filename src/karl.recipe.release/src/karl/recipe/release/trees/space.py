"""Is there room?  Asked before anything is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.trees.sources import Source

#: How much larger than its wheel an unpacked and compiled distribution gets.
GROWTH = 6

#: What the folders of one distribution take in a tree of links, and what is
#: left to everybody else.
FOLDERS = 64 << 10
RESERVE = 32 << 20


def check(
    store: Path, missing: Sequence[Source], release: Path, wanted: Sequence[Source]
) -> None:
    """Refuse to begin if a disk is too full for a release.

    :param missing: the wheels that are to be unpacked into *store*.
    :param wanted: the wheels that *release* is to be linked from.
    :raises RefusedError: it is; tells how much is needed.
    """
    unpacked = sum(source.size for source in missing) * GROWTH
    linked = len(wanted) * FOLDERS
    if _device(store) == _device(release):
        needs = {release: unpacked + linked}
    else:
        copied = sum(source.size for source in wanted) * GROWTH
        needs = {store: unpacked, release: copied + linked}
    for path, need in needs.items():
        state = os.statvfs(_existing(path))
        free = state.f_bavail * state.f_frsize
        if free < need + RESERVE:
            raise RefusedError(
                f"The disk of {path} is too full: {free >> 20} MB are free, about "
                f"{(need + RESERVE) >> 20} MB are needed.",
                "Make room: switch-version --prune and karl-index gc tell what can go.",
            )


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _device(path: Path) -> int:
    return _existing(path).stat().st_dev
