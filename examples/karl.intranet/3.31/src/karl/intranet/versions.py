"""Software and database versions of every installed package that evolves.

repoze.evolution's own manager adds its record to the root when it reads a
version: on a read-only database that fails. So versions are read here without
it; they are written with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from typing import Any, Literal

from repoze.evolution import ZODBEvolutionManager

GROUP = "karl.evolve"


@dataclass(frozen=True)
class EvolvePackage:
    """A package whose data evolves.

    distribution: the name of its distribution.
    module: the dotted name of the package with VERSION and the evolveN modules.
    software: the version that this software writes and expects.
    """

    distribution: str
    module: str
    software: int


@dataclass(frozen=True)
class Status:
    """How far a database is with one package.

    database is None when the database has no record of the package: it has then
    seen none of its steps, which is the same as version 0.
    """

    distribution: str
    module: str
    software: int
    database: int | None

    @property
    def pending(self) -> list[int]:
        """The steps that the database still needs."""
        return list(range((self.database or 0) + 1, self.software + 1))

    @property
    def state(self) -> Literal["current", "pending", "newer"]:
        """newer: the database was evolved by newer software than this."""
        if self.pending:
            return "pending"
        return "newer" if (self.database or 0) > self.software else "current"

    def as_json(self) -> dict[str, Any]:
        """All of this as plain values."""
        return {**asdict(self), "pending": self.pending, "state": self.state}


def evolve_packages() -> list[EvolvePackage]:
    """Every installed package that evolves, by name."""
    return [
        EvolvePackage(point.name, point.value, point.load().VERSION)
        for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)
    ]


def read_status(root: Mapping[str, Any]) -> list[Status]:
    """The status of every installed package; reads only."""
    recorded = root.get(ZODBEvolutionManager.key, {})
    return [
        Status(
            package.distribution,
            package.module,
            package.software,
            recorded.get(package.module),
        )
        for package in evolve_packages()
    ]


def record_current(root: Any) -> None:
    """Record that a new, empty database needs none of the steps there are."""
    for package in evolve_packages():
        manager = ZODBEvolutionManager(root, package.module, package.software, txn=None)
        manager.set_db_version(package.software, commit=False)
