"""Freezing: from requirements to an immutable index, all or nothing.

Resolve; add what the sdists need to be built; fetch every file into the pool;
write lock file and pages beside the final place; install from them, offline, to
prove that nothing is missing; rename.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from packaging.requirements import Requirement

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import KarlError, RefusedError
from karl.recipe.release.base.layout import IndexLayout, SoftwareLayout
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.names import PrivateNames, normalised
from karl.recipe.release.base.reporter import Reporter, SilentReporter
from karl.recipe.release.building import builder
from karl.recipe.release.distributions.lockfile import (
    File,
    Index,
    Lock,
    Override,
    Package,
    linked_names,
    render,
)
from karl.recipe.release.distributions.metadata import Metadata
from karl.recipe.release.distributions.pep658 import wheel_metadata
from karl.recipe.release.distributions.pool import Pool
from karl.recipe.release.distributions.targets import Target
from karl.recipe.release.indexes import closure, fetch
from karl.recipe.release.indexes.derived import private_anywhere, write_derived
from karl.recipe.release.indexes.pages import FROZEN
from karl.recipe.release.indexes.registry import RegistryView, serving
from karl.recipe.release.indexes.request import (
    IndexRequest,
    Inheritance,
    differences,
    inheritance,
)
from karl.recipe.release.indexes.resolve import Resolved, resolve
from karl.recipe.release.indexes.selection import select
from karl.recipe.release.indexes.simpleapi import default_registry

#: Rounds of "the build requirements have build requirements" before giving up.
_MOST_ROUNDS = 10

@dataclass(frozen=True)
class Frozen:
    """The outcome of freezing.

    :ivar new: whether the index was made just now.
    """

    index: Index
    new: bool


@dataclass
class _Freezing:
    """What the steps of one freezing share."""

    software: SoftwareLayout
    pool: Pool
    request: IndexRequest
    given: Inheritance
    targets: tuple[Target, ...]
    index_url: str
    reporter: Reporter

    @property
    def python(self) -> str:
        return f"3.{min(target.minor for target in self.targets)}"

    def resolve(
        self, requirements: Iterable[str], constraints: Iterable[str]
    ) -> dict[str, Resolved]:
        return resolve(
            requirements,
            constraints,
            index_url=self.index_url,
            python=self.python,
            reporter=self.reporter,
        )

    def select(self, resolved: Mapping[str, Resolved]) -> tuple[Package, ...]:
        return select(
            resolved,
            targets=self.targets,
            system_linked=linked_names(self.given.system_linked),
            private=PrivateNames(self.given.private),
            parent=self.given.parent,
        )


def freeze(
    software: SoftwareLayout,
    request: IndexRequest,
    *,
    upstream: str | None = None,
    reporter: Reporter | None = None,
) -> Frozen:
    """Freeze an index; the same request again changes nothing.

    :param upstream: the public registry, default: pip's; empty: none, freeze
        from the pool alone.
    :raises UsageError: the request is malformed.
    :raises RefusedError: the version exists with other content; or there is no
        solution.
    :raises KarlError: anything else that was in the way; then there is no
        index, and no half of one.
    """
    reporter = reporter or SilentReporter()
    request = request.checked()
    with locked(software.indexes_lock, f"freeze index {request.name}"):
        given = inheritance(software, request)
        place = software.index(request.name)
        if place.lock_file.exists():
            return Frozen(_existing(software, request, given), new=False)
        if os.path.lexists(place.root):
            raise RefusedError(
                f"{place.root} exists, but is not an index: it has no pylock.toml.",
                "Move it away, or freeze under another version.",
            )
        files.remove_partial(place.root.parent)
        pool = Pool(software)
        everybodys = PrivateNames(tuple({*given.private, *private_anywhere(software)}))
        public = default_registry() if upstream is None else upstream
        view = RegistryView(pool, everybodys, public)
        with serving(view) as index_url, _true_cause(view):
            targets = tuple(Target.parse(text) for text in given.targets)
            work = _Freezing(
                software, pool, request, given, targets, index_url, reporter
            )
            packages = _packages(work)
            _refuse_undeclared(packages, everybodys)
            lock = _compose(work, packages)
        return Frozen(_write(work, place, lock), new=True)


def _refuse_undeclared(packages: Iterable[Package], everybodys: PrivateNames) -> None:
    """Refuse names that another index here declares as ours, but this one does not.

    Where that other index is not at hand, they would be looked for in public.
    """
    undeclared = [
        package.name
        for package in packages
        if package.name in everybodys and not package.private
    ]
    if undeclared:
        raise RefusedError(
            f"{', '.join(undeclared)}: another index here declares such names as "
            "private, but this one does not.",
            "Declare them here too, with --private.",
        )


@contextlib.contextmanager
def _true_cause(view: RegistryView) -> Iterator[None]:
    """Raise what went wrong in our own registry, not what its client made of it."""
    try:
        yield
    except KarlError as error:
        if view.problems:
            raise view.problems[0] from error
        raise


def _existing(
    software: SoftwareLayout, request: IndexRequest, given: Inheritance
) -> Index:
    index = Index.load(software, request.name)
    differing = differences(index.lock, request, given)
    if differing:
        raise RefusedError(
            f"Index {request.name} is frozen already, from other input: "
            f"{', '.join(differing)} differ.",
            "A frozen index never changes: freeze a new version.",
        )
    return index


def _packages(work: _Freezing) -> tuple[Package, ...]:
    """Resolve what runs together with what builds, until nothing is added."""
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
        _fill(work, new)
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


def _bounds(work: _Freezing) -> list[str]:
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
    work: _Freezing,
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


def _fill(work: _Freezing, wanted: Iterable[File]) -> None:
    """Fetch files that a registry has; ours are in the pool already."""
    fetch.fill(
        work.pool,
        [file for file in wanted if not work.pool.path(file).is_file()],
        fetch.Source(work.index_url, PrivateNames(work.given.private)),
        work.reporter,
    )


def _compose(work: _Freezing, packages: tuple[Package, ...]) -> Lock:
    """Fetch all files, look into them, and return the lock."""
    _fill(work, [file for package in packages for file in package.files])
    overrides = _overrides(work, packages)
    return Lock(
        name=work.request.name,
        packages=tuple(_complete(work, package) for package in packages),
        requires_python=f">={work.python}",
        requirements=work.request.requirements,
        constraints=work.request.constraints,
        extends=work.given.extends,
        overrides=overrides,
        private=work.given.private,
        targets=work.given.targets,
        system_linked=work.given.system_linked,
    )


def _overrides(work: _Freezing, packages: tuple[Package, ...]) -> tuple[Override, ...]:
    before = work.given.parent.by_name() if work.given.parent else {}
    after = {package.name: package.version for package in packages}
    found = []
    for text in work.request.overrides:
        name = normalised(Requirement(text).name)
        old = before[name].version if name in before else ""
        found.append(Override(text, name, old, after.get(name, "")))
    return tuple(sorted(found))


def _complete(work: _Freezing, package: Package) -> Package:
    """Add what only the files themselves tell."""
    requires_python = ""
    wheels = []
    for wheel in package.wheels:
        sized = _sized(work, wheel)
        content = wheel_metadata(work.pool.path(wheel))
        requires_python = requires_python or Metadata.parse(content).requires_python
        digest = hashlib.sha256(content).hexdigest()
        wheels.append(replace(sized, metadata_sha256=digest))
    return replace(
        package,
        wheels=tuple(wheels),
        sdist=_sized(work, package.sdist) if package.sdist else None,
        requires_python=requires_python,
    )


def _sized(work: _Freezing, file: File) -> File:
    """Return *file*, its bytes checked, with its true size."""
    return replace(file, size=work.pool.checked(file).stat().st_size)


def _write(work: _Freezing, place: IndexLayout, lock: Lock) -> Index:
    data = render(lock)
    with files.new_tree(place.root) as partial:
        beside = IndexLayout(partial)
        files.write(beside.lock_file, data, FROZEN)
        write_derived(beside, lock, work.pool)
        candidate = Index(lock, hashlib.sha256(data).hexdigest(), beside)
        closure.check(work.software, candidate, work.reporter)
    return replace(candidate, layout=place)
