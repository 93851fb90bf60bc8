"""The difference between two indexes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from packaging.version import InvalidVersion, Version

from karl.recipe.release.distributions.lockfile import Lock
from karl.recipe.release.distributions.packages import Package


@dataclass(frozen=True, order=True)
class Change:
    """One project that differs between two indexes.

    :ivar kind: ``added``, ``removed``, ``upgraded``, ``downgraded`` or
        ``rebuilt`` (the same version with other files).
    :ivar old: version before; empty if added.
    :ivar new: version after; empty if removed.
    """

    name: str
    kind: str
    old: str
    new: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


def compare(before: Lock, after: Lock) -> list[Change]:
    """Return how *after* differs from *before*, sorted by project."""
    old, new = before.by_name(), after.by_name()
    changes = [
        Change(name, "removed", old[name].version, "") for name in old.keys() - new
    ]
    changes += [
        Change(name, "added", "", new[name].version) for name in new.keys() - old
    ]
    for name in old.keys() & new.keys():
        kind = _kind(old[name], new[name])
        if kind:
            changes.append(Change(name, kind, old[name].version, new[name].version))
    return sorted(changes)


def _kind(old: Package, new: Package) -> str:
    if old.version == new.version:
        same = {file.sha256 for file in old.files} == {
            file.sha256 for file in new.files
        }
        return "" if same else "rebuilt"
    try:
        return (
            "upgraded" if Version(new.version) > Version(old.version) else "downgraded"
        )
    except InvalidVersion:
        return "upgraded"
