"""Which distributions of a frozen index a release needs.

The index has one version of each project, so nothing is resolved here: the
requirements are followed from the listed eggs, and each is checked.  Whatever
is unmet is told at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.base.names import normalised
from karl.recipe.release.distributions.lockfile import Index
from karl.recipe.release.distributions.metadata import Metadata
from karl.recipe.release.distributions.packages import Package

#: ``...; extra == "test"``: true for that extra alone, if no "or" is near.
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")


@dataclass(frozen=True)
class Needed:
    """A package of the index that is to be installed.

    :ivar extras: those that someone asked for, normalised.
    """

    package: Package
    metadata: Metadata
    extras: frozenset[str]


@dataclass
class _Node:
    package: Package
    metadata: Metadata
    extras: set[str] = field(default_factory=set)


class _Closure:
    """The walk from the listed eggs to all that they need."""

    def __init__(self, index: Index, metadata: Callable[[Package], Metadata]) -> None:
        self.packages = index.lock.by_name()
        self.overridden = {override.name for override in index.lock.overrides}
        self.read = metadata
        self.environment: dict[str, str] = dict(default_environment())  # type: ignore[arg-type]
        self.nodes: dict[str, _Node] = {}
        self.problems: list[str] = []
        self.open: list[tuple[_Node, str]] = []

    def require(self, requirement: Requirement, by: str) -> None:
        """Take in what *requirement* names, and note what to follow next."""
        name = normalised(requirement.name)
        package = self.packages.get(name)
        if package is None:
            self.problems.append(f"{by} needs {requirement}, which it does not have")
            return
        if name not in self.overridden:
            self._check_version(requirement, package, by)
        node = self.nodes.get(name)
        if node is None:
            node = self._enter(name, package)
        for extra in {"", *map(normalised, requirement.extras)} - node.extras:
            node.extras.add(extra)
            self.open.append((node, extra))

    def _enter(self, name: str, package: Package) -> _Node:
        metadata = self.read(package)
        node = self.nodes[name] = _Node(package, metadata)
        for wanted in {package.requires_python, metadata.requires_python} - {""}:
            version = self.environment["python_full_version"]
            if not _contains(wanted, version):
                self.problems.append(
                    f"{package.name} {package.version} needs Python {wanted}, "
                    f"this is {version}"
                )
        return node

    def _check_version(
        self, requirement: Requirement, package: Package, by: str
    ) -> None:
        if requirement.url:
            self.problems.append(f"{by} needs {requirement}: a URL cannot be checked")
        elif not requirement.specifier.contains(package.version, prereleases=True):
            self.problems.append(
                f"{by} needs {requirement}, but it has {package.version}"
            )

    def follow(self) -> None:
        """Follow everything that is still open."""
        while self.open:
            node, extra = self.open.pop()
            by = f"{node.package.name} {node.package.version}"
            for line in node.metadata.requires:
                if _is_of_other_extra(line, extra):
                    continue
                requirement = _parsed(line)
                if requirement is None:
                    self.problems.append(f"{by} has the malformed requirement {line!r}")
                elif self._applies(requirement, extra):
                    self.require(requirement, by)

    def _applies(self, requirement: Requirement, extra: str) -> bool:
        """Tell whether it holds here, and, for an extra, only because of that."""
        marker = requirement.marker
        return marker is None or marker.evaluate({**self.environment, "extra": extra})


def closure(
    index: Index,
    eggs: Iterable[str],
    metadata: Callable[[Package], Metadata],
) -> list[Needed]:
    """Return what *eggs* need, and they themselves, sorted by name.

    :param eggs: requirements, PEP 508.
    :param metadata: returns the METADATA of the file that would be installed.
    :raises RefusedError: the index does not have all of it, in versions that
        fit; tells everything that is unmet.
    """
    walk = _Closure(index, metadata)
    for egg in eggs:
        requirement = Requirement(egg)
        if requirement.marker is None or requirement.marker.evaluate():
            walk.require(requirement, "the release")
    walk.follow()
    if walk.problems:
        raise RefusedError(
            f"Index {index.lock.name} does not have what the release needs: "
            f"{'; '.join(sorted(set(walk.problems)))}.",
            "Freeze a new version of the index with these requirements, or correct "
            "the eggs of the release.",
        )
    return [
        Needed(node.package, node.metadata, frozenset(node.extras - {""}))
        for _, node in sorted(walk.nodes.items())
    ]


def direct(eggs: Iterable[str], needed: Mapping[str, Needed]) -> list[Needed]:
    """Return the packages that *eggs* name themselves, in their order, once each."""
    names = dict.fromkeys(normalised(Requirement(egg).name) for egg in eggs)
    return [needed[name] for name in names if name in needed]


def _is_of_other_extra(line: str, extra: str) -> bool:
    """Tell, without parsing it, that *line* is for another extra alone.

    Saves most of the time: a Plone-size set has thousands of such lines.
    """
    _, semicolon, marker = line.partition(";")
    if not semicolon or " or " in marker or "(" in marker:
        return False
    match = _EXTRA.search(marker)
    return match is not None and normalised(match[1]) != extra


@cache
def _parsed(line: str) -> Requirement | None:
    try:
        return Requirement(line)
    except InvalidRequirement:
        return None


def _contains(specifiers: str, version: str) -> bool:
    try:
        return SpecifierSet(specifiers).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True
