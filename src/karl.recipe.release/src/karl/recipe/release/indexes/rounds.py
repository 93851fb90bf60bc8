"""Resolving in rounds: what runs together with what builds the sdists among it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from packaging.requirements import Requirement

from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.names import PrivateNames, normalised
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.release.building import builder
from karl.recipe.release.distributions.lockfile import linked_names
from karl.recipe.release.distributions.packages import File, Package
from karl.recipe.release.distributions.pool import Pool
from karl.recipe.release.distributions.targets import Target
from karl.recipe.release.indexes import fetch
from karl.recipe.release.indexes.request import IndexRequest, Inheritance
from karl.recipe.release.indexes.resolve import Resolved, resolve
from karl.recipe.release.indexes.selection import select

#: Rounds of "the build requirements have build requirements" before giving up.
_MOST_ROUNDS = 10


@dataclass
class Freezing:
    """What the steps of one freezing share.

    :ivar given: what the extended indexes give.
    :ivar index_url: the only registry that is asked.
    """

    software: SoftwareLayout
    pool: Pool
    request: IndexRequest
    given: Inheritance
    targets: tuple[Target, ...]
    index_url: str
    reporter: Reporter

    @property
    def python(self) -> str:
        """The lowest version of Python to serve, such as ``3.11``."""
        return f"3.{min(target.minor for target in self.targets)}"

    def resolve(
        self, requirements: Iterable[str], constraints: Iterable[str]
    ) -> dict[str, Resolved]:
        """Return the chosen version of every project, by normalised name."""
        return resolve(
            requirements,
            constraints,
            index_url=self.index_url,
            python=self.python,
            reporter=self.reporter,
        )

    def select(self, resolved: Mapping[str, Resolved]) -> tuple[Package, ...]:
        """Return the packages that some target needs, each with its files."""
        return select(
            resolved,
            targets=self.targets,
            system_linked=linked_names(self.given.system_linked),
            private=PrivateNames(self.given.private),
            parent=self.given.parent,
        )


def packages_of(work: Freezing) -> tuple[Package, ...]:
    """Resolve what runs together with what builds, until nothing is added.

    :raises RefusedError: nothing is asked for, or there is no end of it.
    """
    wanted = work.given.requirements
    if not wanted:
        raise RefusedError(
            f"Index {work.request.name} is asked to hold nothing.",
            "Give requirements, or an index to extend.",
        )
    bounds = _bounds(work)
    builds: dict[str, tuple[str, ...]] = {}
    for _ in range(_MOST_ROUNDS):
        needs = sorted({need for found in builds.values() for need in found})
        joint = work.resolve([*wanted, *needs], bounds)
        packages = work.select(joint)
        sdists = {p.sdist.name: p.sdist for p in packages if p.sdist}
        new = [sdist for name, sdist in sdists.items() if name not in builds]
        builds = {name: found for name, found in builds.items() if name in sdists}
        if not new:
            return _without_builds(work, packages, wanted, needs, joint)
        fill(work, new)
        for sdist in new:
            builds[sdist.name] = builder.build_requirements(
                work.pool.path(sdist),
                index_url=work.index_url,
                reporter=work.reporter,
            )
    raise RefusedError(
        "The build requirements of the sdists do not settle: each round finds more.",
        "Constrain the projects to versions that have wheels.",
    )


def _bounds(work: Freezing) -> list[str]:
    """Return all bounds: given ones, overrides, and every inherited pin."""
    overridden = {normalised(Requirement(text).name) for text in work.request.overrides}
    parent = work.given.parent
    pins = [
        f"{package.name}=={package.version}"
        for package in (parent.packages if parent else ())
        if package.name not in overridden
    ]
    return [*work.given.constraints, *work.request.overrides, *pins]


def _without_builds(
    work: Freezing,
    packages: tuple[Package, ...],
    wanted: tuple[str, ...],
    needs: list[str],
    joint: Mapping[str, Resolved],
) -> tuple[Package, ...]:
    """Mark what only builds need, by resolving once more without them."""
    if not needs:
        return packages
    pins = [f"{project.name}=={project.version}" for project in joint.values()]
    running = work.resolve(wanted, pins)
    return tuple(
        replace(package, marker=running[package.name].marker)
        if package.name in running
        else replace(package, marker="", build_only=True)
        for package in packages
    )


def fill(work: Freezing, wanted: Iterable[File]) -> None:
    """Fetch files that a registry has; ours are in the pool already."""
    fetch.fill(
        work.pool,
        [file for file in wanted if not work.pool.path(file).is_file()],
        fetch.Source(work.index_url, PrivateNames(work.given.private)),
        work.reporter,
    )
