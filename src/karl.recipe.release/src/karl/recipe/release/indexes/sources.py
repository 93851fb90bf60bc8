"""Source trees in a checkout that can fill the pool with our own packages."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base.errors import DamagedError, RefusedError, UsageError
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.names import normalised
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.release.building.publish import publish
from karl.recipe.release.distributions.lockfile import Index
from karl.recipe.release.distributions.metadata import same_version
from karl.recipe.release.distributions.packages import File, Package
from karl.recipe.release.distributions.pool import Pool
from karl.recipe.release.indexes import fetch
from karl.recipe.release.indexes.derived import materialise


@dataclass(frozen=True)
class SourceTree:
    """A folder with a ``pyproject.toml`` that names project and version (PEP 621)."""

    path: Path
    project: str
    version: str

    @classmethod
    def read(cls, path: Path) -> SourceTree:
        """Return what the ``pyproject.toml`` of *path* says.

        :raises UsageError: there is none, or it leaves name or version open.
        """
        try:
            with (path / "pyproject.toml").open("rb") as stream:
                project = tomllib.load(stream)["project"]
            return cls(path, normalised(project["name"]), project["version"])
        except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
            raise UsageError(
                f"{path} is not a source tree that can be published: {error}.",
                "It needs a pyproject.toml whose [project] gives name and version.",
            ) from error


@dataclass(frozen=True)
class Backends:
    """The index that build backends come from.

    :ivar registry: where its missing files are fetched from; empty: pip's.
    :ivar offline: whether nothing may be fetched.
    """

    index: Index
    registry: str = ""
    offline: bool = False

    def url(self, software: SoftwareLayout, reporter: Reporter) -> str:
        """Make the index complete and return its URL."""
        lock = self.index.lock
        source = fetch.source_of(lock, self.registry, offline=self.offline)
        fetch.fill(Pool(software), fetch.needed_here(lock), source, reporter)
        materialise(software, self.index)
        return self.index.layout.simple.absolute().as_uri()


def publish_all(
    software: SoftwareLayout,
    trees: Iterable[Path],
    backends: Backends,
    reporter: Reporter,
) -> list[Path]:
    """Publish those source trees whose version is not in the pool yet."""
    pooled = {(found.project, found.version) for found in Pool(software).contents()}
    wanted = [
        tree
        for tree in map(SourceTree.read, trees)
        if (tree.project, tree.version) not in pooled
    ]
    return _publish(software, wanted, backends, reporter)


def publish_missing(
    software: SoftwareLayout,
    index: Index,
    trees: Sequence[Path],
    backends: Backends,
    reporter: Reporter,
) -> list[Path]:
    """Publish those source trees whose files *index* names but the pool lacks.

    :raises RefusedError: files of our own are missing, and no tree has them.
    :raises DamagedError: a tree gives other bytes than the index names.
    """
    pool = Pool(software)
    lacking = {
        package.name: package
        for package in index.lock.packages
        if package.private and fetch.missing(pool, package.files)
    }
    if not lacking:
        return []
    wanted = [tree for tree in map(SourceTree.read, trees) if _gives(tree, lacking)]
    homeless = sorted(lacking.keys() - {tree.project for tree in wanted})
    if homeless:
        raise RefusedError(
            f"The pool lacks {', '.join(homeless)}, of which {index.lock.name} needs "
            f"{', '.join(lacking[name].version for name in homeless)}.",
            "They are our own: copy their files into the pool with karl-index add, or "
            "name their source trees.",
        )
    published = _publish(software, wanted, backends, reporter)
    for package in lacking.values():
        for file in package.files:
            _check_bytes(pool, index, file)
    return published


def _publish(
    software: SoftwareLayout,
    trees: Sequence[SourceTree],
    backends: Backends,
    reporter: Reporter,
) -> list[Path]:
    if not trees:
        return []
    url = backends.url(software, reporter)
    return [
        path
        for tree in trees
        for path in publish(tree.path, software, build_index_url=url, reporter=reporter)
    ]


def _gives(tree: SourceTree, lacking: dict[str, Package]) -> bool:
    package = lacking.get(tree.project)
    return package is not None and same_version(package.version, tree.version)


def _check_bytes(pool: Pool, index: Index, file: File) -> None:
    try:
        pool.checked(file)
    except DamagedError as error:
        raise DamagedError(
            f"{file.name} was built from source just now, but has other bytes than "
            f"{index.lock.name} names.",
            "The source changed after the index was frozen: raise its version and "
            f"freeze a new index, or restore the source; then remove {file.name} from "
            f"the pool {pool.directory}.",
        ) from error
