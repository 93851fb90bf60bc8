"""How large a storage's live copy was, day by day: ``sizes.json``.

Whoever backs up or packs knows it anyway, and notes it.  One size a day is kept, for
some years at most, so that the file stays small.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass

from karl.recipe.release.base import files
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.databases import typed
from karl.recipe.zeoserver.layouts.storage import StorageLayout

_FORMAT = 1

#: Days that are kept.
_MOST = 1000


@dataclass(frozen=True)
class Size:
    """How large a copy was.

    :ivar time: seconds since the epoch.
    :ivar copy: its number.
    :ivar bytes: of Data.fs.
    :ivar blob_bytes: of its blobs; None: nobody knew.
    """

    time: float
    copy: int
    bytes: int
    blob_bytes: int | None = None


def history(places: StorageLayout) -> tuple[Size, ...]:
    """Return the sizes that are known, oldest first; none if they cannot be read."""
    try:
        found = json.loads(places.sizes.read_text(encoding="utf-8"))
        if found["format"] != _FORMAT:
            return ()
        return tuple(typed.built(Size, values) for values in found["days"])
    except (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError):
        return ()


def record(places: StorageLayout, new: Size) -> None:
    """Note a size, instead of another of the same day; the storage's lock is held.

    What it is noted for does not fail if it cannot be.
    """
    known = [size for size in history(places) if _day(size) != _day(new)]
    days = [dataclasses.asdict(size) for size in (*known, new)][-_MOST:]
    with contextlib.suppress(OSError):
        files.write(
            places.sizes, files.canonical_json({"format": _FORMAT, "days": days})
        )


def of_chain(chain: Chain) -> tuple[Size, ...]:
    """Return the sizes of a copy as its backups tell them, oldest first."""
    found, blobs = [], 0
    for unit in chain.units:
        blobs += unit.blob_bytes
        found.append(Size(unit.made, unit.copy, unit.end, blobs))
    return tuple(found)


def merged(chains: Sequence[Chain], known: Sequence[Size]) -> tuple[Size, ...]:
    """Return what was noted, and what backups tell of days of which nothing was."""
    told = [size for chain in chains for size in of_chain(chain)]
    found = {_day(size): size for size in (*told, *known)}
    return tuple(sorted(found.values(), key=lambda size: size.time))


def _day(size: Size) -> int:
    return int(size.time // 86400)
