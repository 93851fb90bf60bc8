"""Choosing, of all files of a version, those that an index names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.base.names import PrivateNames
from karl.recipe.release.distributions.lockfile import Lock
from karl.recipe.release.distributions.packages import File, Package
from karl.recipe.release.distributions.pool import WHEEL
from karl.recipe.release.distributions.targets import Target, wanted_by
from karl.recipe.release.indexes.resolve import Resolved


def select(
    resolved: Mapping[str, Resolved],
    *,
    targets: Sequence[Target],
    system_linked: Collection[str],
    private: PrivateNames,
    parent: Lock | None,
) -> tuple[Package, ...]:
    """Return the packages that some target needs, each with its files.

    For every target the wheel that an installer would choose; an sdist where a
    target has no wheel, or where the project is built for the system's
    libraries.  Files of an inherited pin stay those of the extended index.

    :raises RefusedError: a project has no file that a target can use.
    """
    inherited = parent.by_name() if parent else {}
    return tuple(
        _package(
            project,
            targets,
            project.name in system_linked,
            project.name in private,
            _kept(inherited.get(project.name), project),
            str(parent.name) if parent else "",
        )
        for project in sorted(resolved.values(), key=lambda project: project.name)
        if wanted_by(targets, project.marker)
    )


def _kept(package: Package | None, project: Resolved) -> Package | None:
    return package if package and package.version == project.version else None


def _package(
    project: Resolved,
    targets: Sequence[Target],
    linked: bool,  # noqa: FBT001  # private, called once
    private: bool,  # noqa: FBT001
    inherited: Package | None,
    origin: str,
) -> Package:
    known = inherited.wheels if inherited else ()
    offered = [file for file in project.candidates if file.name.endswith(WHEEL)]
    sdist = inherited.sdist if inherited and inherited.sdist else _sdist(project)
    wheels: set[File] = set()
    gaps = False
    for target in targets:
        if not target.wants(project.marker):
            continue
        best = target.best(known) or target.best(offered)
        if best:
            wheels.add(best)
        else:
            gaps = True
    if sdist is None and (gaps or linked):
        raise RefusedError(
            f"{project.name} {project.version} has no "
            f"{'sdist' if linked else 'wheel for every target, and no sdist'}.",
            "Constrain it to a version that has, or freeze for other targets.",
        )
    return Package(
        name=project.name,
        version=project.version,
        wheels=tuple(sorted(wheels)),
        sdist=sdist if gaps or linked else None,
        marker=project.marker,
        private=private,
        inherited=(inherited.inherited or origin) if inherited else "",
    )


def _sdist(project: Resolved) -> File | None:
    found = [file for file in project.candidates if not file.name.endswith(WHEEL)]
    return found[0] if found else None
