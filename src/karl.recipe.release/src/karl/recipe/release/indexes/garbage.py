"""What the pool and the store hold that no index names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.names import PrivateNames
from karl.recipe.release.building.builtwheels import provenance_of
from karl.recipe.release.distributions.pool import Pool
from karl.recipe.release.indexes.derived import all_indexes


@dataclass(frozen=True, order=True)
class Garbage:
    """Something that no index names.

    :ivar kind: ``pooled``, ``built``, ``unpacked``, or ``partial`` for what a killed
        run left in the pool.
    :ivar size: in bytes, as far as removing it frees any.
    """

    kind: str
    path: Path
    size: int


def find(software: SoftwareLayout) -> list[Garbage]:
    """Return everything that no index below ``indexes/`` names.

    Releases keep what they have: their files are links of their own.  What
    we published ourselves stays too, named or not yet: nobody else has it, and its
    name must never come back with other bytes.

    :raises RefusedError: there is no index at all: surely a wrong folder.
    """
    indexes = all_indexes(software)
    if not indexes:
        raise RefusedError(
            f"There is no index in {software.indexes}, so everything would be garbage.",
            "Name the folder of the indexes with --base or --indexes.",
        )
    packages = [package for index in indexes for package in index.lock.packages]
    named = {file.sha256: file.name for package in packages for file in package.files}
    names = set(named.values())
    private = PrivateNames(tuple({t for index in indexes for t in index.lock.private}))
    pool = Pool(software)
    strangers = pool.fetched()
    found = [
        Garbage("pooled", pool.path_of(pooled), _size(pool.path_of(pooled)))
        for pooled in pool.contents()
        if pooled.name not in names
        and (pooled.project not in private or pooled.name in strangers)
    ]
    found += [
        Garbage("partial", path, _size(path)) for path in files.partial_in(pool.directory)
    ]
    kept = set(named)
    for folder in _folders(software.built):
        sdist, wheel = provenance_of(folder)
        if sdist in named:
            kept.add(wheel)
        else:
            found.append(Garbage("built", folder, _size(folder)))
    for tag in _folders(software.store):
        found += [
            Garbage("unpacked", entry, _size(entry))
            for entry in _folders(tag)
            if entry.name not in kept
        ]
    return sorted(found)


def remove(software: SoftwareLayout, garbage: Iterable[Garbage]) -> None:
    """Remove what :func:`find` found, while nobody freezes, pools or unpacks.

    :raises BusyError: somebody does.
    """
    with (
        locked(software.indexes_lock, "collect garbage"),
        locked(software.pool_lock, "collect garbage"),
        locked(software.store_lock, "collect garbage"),
    ):
        still = {item.path for item in find(software)}
        for item in garbage:
            if item.path in still:
                aside = files.partial_name(item.path)
                files.rename(item.path, aside)
                files.remove_tree(aside)


def _folders(place: Path) -> list[Path]:
    if not place.is_dir():
        return []
    return sorted(
        path
        for path in place.iterdir()
        if path.is_dir() and not path.name.startswith(".")
    )


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(
        found.stat().st_size
        for found in path.rglob("*")
        if found.is_file() and found.stat().st_nlink == 1
    )
