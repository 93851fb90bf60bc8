"""Deciding what a run has to do about a release: from what is there, to a plan.

Pure: what was seen goes in, what to do comes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from karl.recipe.release.base.errors import DamagedError, RefusedError
from karl.recipe.release.building.linkedprojects import LinkedProject
from karl.recipe.release.distributions.lockfile import Index
from karl.recipe.release.trees.manifest import Manifest
from karl.recipe.release.trees.specification import Specification
from karl.recipe.release.trees.verification import Difference, summary


@dataclass(frozen=True)
class Wanted:
    """The release that a run is to bring about.

    :ivar python: see :func:`karl.recipe.release.trees.interpreter.description`.
    """

    version: str
    index: Index
    specification: Specification
    python: Mapping[str, str]

    def describe_index(self) -> dict[str, str]:
        """Return the index as ``release.json`` keeps it."""
        return {"name": str(self.index.lock.name), "sha256": self.index.digest}


@dataclass(frozen=True)
class Seen:
    """What is at the place of a release.

    :ivar exists: whether there is anything.
    :ivar manifest: None if there is no release of ours.
    :ivar differences: how it differs from its manifest.
    :ivar moved: whether its scripts name another place than where it is.
    """

    exists: bool
    manifest: Manifest | None = None
    differences: Sequence[Difference] = ()
    moved: bool = False


@dataclass(frozen=True)
class Plan:
    """What to do.

    :ivar build: whether the release is to be built; else it is there, intact.
    :ivar reason: one sentence.
    """

    build: bool
    reason: str


def plan(seen: Seen, wanted: Wanted) -> Plan:
    """Return what to do.

    :raises RefusedError: the version exists, with another content.
    :raises DamagedError: it exists, and is not what it was.
    """
    if not seen.exists:
        return Plan(True, f"Release {wanted.version} does not exist yet.")
    if seen.manifest is None:
        raise RefusedError(
            f"At the place of release {wanted.version} is something that is no "
            "release: it has no release.json.",
            "Move it away, or choose another version.",
        )
    changes = changes_of(seen.manifest, wanted)
    if changes:
        raise RefusedError(
            f"Release {wanted.version} exists, built from something else: "
            f"{'; '.join(changes)}.",
            "A release never changes: release a new version (site:version=...).",
        )
    if seen.differences:
        raise DamagedError(
            f"Release {wanted.version} is damaged: {summary(seen.differences)}",
            "Somebody edited it, which must not be. Release a new version and switch "
            "to it; switch-version --verify tells all that differs.",
        )
    if seen.moved:
        raise DamagedError(
            f"Release {wanted.version} was built at another place, and then moved or "
            "copied here: its scripts name that place.",
            "Move it away and run this again: it is built here from the same index.",
        )
    return Plan(False, f"Release {wanted.version} is there and intact.")


def changes_of(manifest: Manifest, wanted: Wanted) -> list[str]:
    """Return how the request differs from the one that the release was built by."""
    told = []
    index = wanted.describe_index()
    if manifest.index != index:
        old, new = manifest.index["name"], index["name"]
        if old == new:
            told.append(f"index {old} has another content now")
        else:
            told.append(f"index was {old}, is {new}")
    for name in ("executable", "cache_tag"):
        built_for, now = manifest.python.get(name), wanted.python[name]
        if built_for != now:
            told.append(f"Python was {built_for}, is {now}")
    asked = wanted.specification.describe()
    for name in sorted({*asked, *manifest.request}):
        before, after = manifest.request.get(name), asked.get(name)
        if before != after:
            told.append(f"{name} was {_brief(before)}, is {_brief(after)}")
    return told


def linked_in(index: Index, specification: Specification) -> dict[str, LinkedProject]:
    """Return the system-linked projects that *index* holds, by name.

    :raises RefusedError: it lacks one that was asked for by name; or nobody said
        which they are, and the index has more of them than is the default.
    """
    asked = {project.name: project for project in specification.system_linked}
    held = index.lock.by_name()
    lacking = sorted(asked.keys() - held.keys())
    if lacking and not specification.linked_by_default:
        raise RefusedError(
            f"Index {index.lock.name} does not hold {', '.join(lacking)}, which "
            "system-linked lists.",
            "Correct the names, or take them out of system-linked.",
        )
    unasked = sorted(index.lock.linked_names & held.keys() - asked.keys())
    if unasked and specification.linked_by_default:
        listed = " ".join(sorted({*asked, *unasked}))
        raise RefusedError(
            f"Index {index.lock.name} holds {', '.join(unasked)} to be linked with "
            "the system's libraries, but the release does not say so.",
            f"Say system-linked = {listed}; or, to take the registry's wheels, list "
            "only what is to be linked.",
        )
    return {name: project for name, project in asked.items() if name in held}


def _brief(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return " ".join(value) or "empty"
    return "not given" if value is None else repr(value)
