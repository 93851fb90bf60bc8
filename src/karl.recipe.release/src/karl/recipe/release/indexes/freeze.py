"""Freezing: from requirements to an immutable index, all or nothing.

Resolve; add what the sdists need to be built; fetch every file into the pool;
write lock file and pages beside the final place; install from them, offline, to
prove that nothing is missing; rename.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from packaging.requirements import Requirement

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import KarlError, RefusedError
from karl.recipe.release.base.layout import IndexLayout, SoftwareLayout
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.names import PrivateNames, normalised
from karl.recipe.release.base.reporter import Reporter, SilentReporter
from karl.recipe.release.distributions.lockfile import Index, Lock, render
from karl.recipe.release.distributions.metadata import Metadata
from karl.recipe.release.distributions.packages import File, Override, Package
from karl.recipe.release.distributions.pep658 import wheel_metadata
from karl.recipe.release.distributions.pool import Pool
from karl.recipe.release.distributions.targets import Target
from karl.recipe.release.indexes import closure
from karl.recipe.release.indexes.derived import private_anywhere, write_derived
from karl.recipe.release.indexes.pages import FROZEN
from karl.recipe.release.indexes.registry import RegistryView, serving
from karl.recipe.release.indexes.request import (
    IndexRequest,
    inheritance,
    refuse_other_request,
)
from karl.recipe.release.indexes.rounds import Freezing, fill, packages_of
from karl.recipe.release.indexes.simpleapi import default_registry


@dataclass(frozen=True)
class Frozen:
    """The outcome of freezing.

    :ivar new: whether the index was made just now.
    """

    index: Index
    new: bool


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
            index = Index.load(software, request.name)
            refuse_other_request(index, request, given)
            return Frozen(index, new=False)
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
            work = Freezing(
                software, pool, request, given, targets, index_url, reporter
            )
            packages = packages_of(work)
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


def _compose(work: Freezing, packages: tuple[Package, ...]) -> Lock:
    """Fetch all files, look into them, and return the lock."""
    fill(work, [file for package in packages for file in package.files])
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


def _overrides(work: Freezing, packages: tuple[Package, ...]) -> tuple[Override, ...]:
    before = work.given.parent.by_name() if work.given.parent else {}
    after = {package.name: package.version for package in packages}
    found = []
    for text in work.request.overrides:
        name = normalised(Requirement(text).name)
        old = before[name].version if name in before else ""
        found.append(Override(text, name, old, after.get(name, "")))
    return tuple(sorted(found))


def _complete(work: Freezing, package: Package) -> Package:
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


def _sized(work: Freezing, file: File) -> File:
    """Return *file*, its bytes checked, with its true size."""
    return replace(file, size=work.pool.checked(file).stat().st_size)


def _write(work: Freezing, place: IndexLayout, lock: Lock) -> Index:
    data = render(lock)
    with files.new_tree(place.root) as partial:
        beside = IndexLayout(partial)
        files.write(beside.lock_file, data, FROZEN)
        write_derived(beside, lock, work.pool)
        candidate = Index(lock, hashlib.sha256(data).hexdigest(), beside)
        closure.check(work.software, candidate, work.reporter)
    return replace(candidate, layout=place)
