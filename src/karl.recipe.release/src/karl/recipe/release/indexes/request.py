"""What an index is asked to be, and what it inherits from those it extends."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

from karl.recipe.release.base.errors import DamagedError, RefusedError, UsageError
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.names import IndexName, normalised
from karl.recipe.release.building.linkedprojects import linked_projects
from karl.recipe.release.distributions.lockfile import Index, Lock
from karl.recipe.release.distributions.targets import Target

_LONGEST_CHAIN = 20
_PATTERN = re.compile(r"[A-Za-z0-9*?](?:[A-Za-z0-9*?._-]*[A-Za-z0-9*?])?")


@dataclass(frozen=True)
class IndexRequest:
    """The input of freezing.

    :ivar requirements: PEP 508; those of extended indexes need no repeating.
    :ivar constraints: bounds on projects that may or may not be needed.
    :ivar extends: the index whose pins are inherited.
    :ivar overrides: PEP 508; the only inherited pins that may change.
    :ivar private: patterns of names that are ours; inherited ones stay.
    :ivar targets: what to hold wheels for; default: as the extended index, or
        this machine.
    :ivar system_linked: projects to build against the system's libraries, as
        :func:`~karl.recipe.release.building.linkedprojects.linked_projects` reads;
        inherited ones stay.
    """

    name: IndexName
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    extends: IndexName | None = None
    overrides: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    system_linked: tuple[str, ...] = ()

    def checked(self) -> IndexRequest:
        """Return the request in its one normal form.

        :raises UsageError: a requirement, constraint, override or target is
            malformed; names them all.
        """
        problems: list[str] = []
        linked = linked_projects("\n".join(self.system_linked))
        checked = replace(
            self,
            requirements=_lines("requirement", self.requirements, problems),
            constraints=_lines("constraint", self.constraints, problems),
            overrides=_lines("override", self.overrides, problems),
            private=_patterns(self.private, problems),
            targets=tuple(sorted({str(Target.parse(text)) for text in self.targets})),
            system_linked=tuple(sorted(map(str, linked.values()))),
        )
        if self.overrides and not self.extends:
            problems.append("overrides are given, but no index to extend")
        if self.extends == self.name:
            problems.append(f"{self.name} cannot extend itself")
        if problems:
            raise UsageError(
                f"Index {self.name} cannot be frozen: {'; '.join(problems)}.",
                "Correct the input.",
            )
        return checked


def _patterns(texts: Iterable[str], problems: list[str]) -> tuple[str, ...]:
    """Return patterns of names, split at blanks and commas."""
    found = set()
    for pattern in (word for text in texts for word in re.split(r"[\s,]+", text)):
        if pattern and not _PATTERN.fullmatch(pattern):
            problems.append(f"the pattern {pattern!r} cannot match any name")
        elif pattern:
            found.add(pattern.lower())
    return tuple(sorted(found))


def _lines(kind: str, texts: Iterable[str], problems: list[str]) -> tuple[str, ...]:
    found = set()
    for text in texts:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            problems.append(f"the {kind} {text!r} is malformed ({error})")
            continue
        if requirement.url:
            problems.append(f"the {kind} {text!r} names a URL; publish it instead")
        requirement.name = normalised(requirement.name)
        found.add(str(requirement))
    return tuple(sorted(found))


def read_requirements(text: str) -> tuple[str, ...]:
    """Return the lines of a requirements file, without comments.

    Options (lines that begin with ``-``) are not followed: what an index holds
    is said in one place.

    :raises UsageError: there is an option.
    """
    found = []
    for line in text.splitlines():
        plain = line.partition(" #")[0].strip()
        if plain.startswith("-"):
            raise UsageError(
                f"Requirements may not contain options: {plain!r}.",
                "Give constraints, indexes and hashes to karl-index freeze itself.",
            )
        if plain and not plain.startswith("#"):
            found.append(plain)
    return tuple(found)


def chain(software: SoftwareLayout, index: Index) -> tuple[Index, ...]:
    """Return *index* and all that it extends, nearest first.

    :raises DamagedError: an extended index is another than was extended, or
        they extend each other in a circle.
    """
    found = [index]
    while found[-1].lock.extends:
        name, digest = found[-1].lock.extends
        parent = Index.load(software, IndexName.parse(name))
        if parent.digest != digest:
            raise DamagedError(
                f"{found[-1].lock.name} extends {name} with sha256 {digest}, but the "
                f"{name} here has {parent.digest}.",
                "Restore that index from its origin.",
            )
        found.append(parent)
        if len(found) > _LONGEST_CHAIN:
            raise DamagedError(
                f"{index.lock.name} extends more than {_LONGEST_CHAIN} indexes.",
                "Extend one that holds them all.",
            )
    return tuple(found)


@dataclass(frozen=True)
class Inheritance:
    """All that the extended indexes give to a new one."""

    requirements: tuple[str, ...]
    constraints: tuple[str, ...]
    private: tuple[str, ...]
    targets: tuple[str, ...]
    system_linked: tuple[str, ...]
    parent: Lock | None
    extends: tuple[str, str] | None


def inheritance(software: SoftwareLayout, request: IndexRequest) -> Inheritance:
    """Return what *request* amounts to together with the indexes it extends."""
    if request.extends is None:
        return Inheritance(
            request.requirements,
            request.constraints,
            request.private,
            request.targets or (str(Target.here()),),
            request.system_linked,
            None,
            None,
        )
    parent = Index.load(software, request.extends)
    locks = [index.lock for index in chain(software, parent)]
    overridden = {normalised(Requirement(text).name) for text in request.overrides}
    inherited = {text for lock in locks for text in lock.requirements}
    bounds = {text for lock in locks for text in lock.constraints}
    return Inheritance(
        tuple(sorted({*_without(inherited, overridden), *request.requirements})),
        tuple(sorted({*_without(bounds, overridden), *request.constraints})),
        tuple(sorted({*request.private, *parent.lock.private})),
        request.targets or parent.lock.targets,
        tuple(sorted({*request.system_linked, *parent.lock.system_linked})),
        parent.lock,
        (str(request.extends), parent.digest),
    )


def _without(requirements: Iterable[str], overridden: set[str]) -> set[str]:
    """Drop the bounds, not the wish itself, of overridden projects."""
    kept = set()
    for text in requirements:
        requirement = Requirement(text)
        if normalised(requirement.name) in overridden:
            requirement.specifier = SpecifierSet()
        kept.add(str(requirement))
    return kept


def _differences(
    lock: Lock, request: IndexRequest, given: Inheritance
) -> tuple[str, ...]:
    """Return what of the input differs from that which *lock* was frozen from."""
    pairs = {
        "requirements": (lock.requirements, request.requirements),
        "constraints": (lock.constraints, request.constraints),
        "extends": (lock.extends, given.extends),
        "overrides": (
            tuple(override.requirement for override in lock.overrides),
            request.overrides,
        ),
        "private": (lock.private, given.private),
        "targets": (lock.targets, given.targets),
        "system-linked": (lock.system_linked, given.system_linked),
    }
    return tuple(name for name, (old, new) in pairs.items() if old != new)


def refuse_other_request(
    index: Index, request: IndexRequest, given: Inheritance
) -> None:
    """Refuse a request that *index*, of the same name, was not frozen from.

    :raises RefusedError: tells what differs.
    """
    differing = _differences(index.lock, request, given)
    if differing:
        raise RefusedError(
            f"Index {request.name} is frozen already, from other input: "
            f"{', '.join(differing)} differ.",
            "A frozen index never changes: raise its version.",
        )
