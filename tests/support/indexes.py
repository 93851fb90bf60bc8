"""Indexes of given files, with real pages, made without a resolver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from karl.recipe.release.base import files
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.names import IndexName
from karl.recipe.release.distributions import lockfile
from karl.recipe.release.distributions.lockfile import Index, Lock
from karl.recipe.release.distributions.packages import File, Package
from karl.recipe.release.distributions.pool import Pool
from karl.recipe.release.indexes.derived import materialise


def make_index(
    software: SoftwareLayout, name: str, paths: Sequence[Path], linked: Sequence[str]
) -> Index:
    """Write an index of exactly the files *paths*, with real pages."""
    pool = Pool(software)
    packages: dict[str, Package] = {}
    for path in paths:
        pool.add(path)
        found = File(path.name, files.sha256_of(path), path.stat().st_size)
        if path.suffix == ".whl":
            project, version, *_ = parse_wheel_filename(path.name)
            package = Package(project, str(version), wheels=(found,))
        else:
            project, version = parse_sdist_filename(path.name)
            package = Package(project, str(version), sdist=found)
        known = packages.get(project)
        if known:
            package = replace(
                package,
                wheels=(*known.wheels, *package.wheels),
                sdist=known.sdist or package.sdist,
            )
        packages[project] = package
    lock = Lock(
        IndexName.parse(name),
        tuple(sorted(packages.values(), key=lambda one: one.name)),
        ">=3.11",
        system_linked=tuple(linked),
    )
    files.write(software.index(lock.name).lock_file, lockfile.render(lock))
    index = Index.load(software, lock.name)
    materialise(software, index)
    return index
