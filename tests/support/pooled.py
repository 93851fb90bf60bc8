"""Files that the checkout's indexes name, wherever they are to be had."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path

from karl.recipe.release.base.files import link_or_copy
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.names import IndexName, PrivateNames
from karl.recipe.release.distributions.lockfile import Index
from karl.recipe.release.distributions.pool import Pool, identify
from karl.recipe.release.indexes.fetch import fill, missing, needed_here, source_of

CHECKOUT = Path(__file__).parents[2]


def pooled(folder: Path, index: str, projects: Collection[str]) -> list[Path]:
    """Return the wheels of some projects, checked by hash.

    They come from the checkout's pool, or from where its index says.

    :param folder: is to have them, as a pool of its own.
    :param index: of the checkout.
    """
    software = SoftwareLayout.below(CHECKOUT)
    lock = Index.load(software, IndexName.parse(index)).lock
    wanted = [
        wheel
        for package in lock.packages
        if package.name in projects
        for wheel in package.wheels
    ]
    folder.mkdir(parents=True, exist_ok=True)
    for wheel in wanted:
        there = software.pool / wheel.name
        if there.is_file():
            link_or_copy(str(there), str(folder / wheel.name))
    pool = Pool(dataclasses.replace(software, pool=folder))
    fill(pool, missing(pool, wanted), source_of(lock))
    return [pool.checked(wheel) for wheel in wanted]


def filled(software: SoftwareLayout, *indexes: str) -> Pool:
    """Return a pool with what this machine can use of some indexes.

    What is private is left out: that is published, never fetched.

    :param software: of a checkout whose indexes they are.
    """
    pool = Pool(software)
    for index in indexes:
        lock = Index.load(software, IndexName.parse(index)).lock
        own = PrivateNames(lock.private)
        wanted = [
            file for file in needed_here(lock) if identify(file.name).project not in own
        ]
        fill(pool, wanted, source_of(lock))
    return pool
