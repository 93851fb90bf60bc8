"""The packages whose data evolves, in the order in which they evolve."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, requires
from typing import Any

from karl.recipe.evolve.running.errors import UsageError
from karl.recipe.evolve.steps import Step

GROUP = "karl.evolve"


@dataclass(frozen=True)
class Package:
    """A package whose data evolves.

    :param name: what people call it: mostly the name of its distribution.
    :param module: the dotted name of the package with VERSION and the evolveN modules.
    :param software: the version that this software writes and expects.
    :param initial: the version that a database without a record of it has.
    """

    name: str
    module: str
    software: int
    initial: int = 0

    def step(self, version: int) -> PendingStep:
        """Load the step to *version*.

        :raises UsageError: there is none.
        """
        name = f"{self.module}.evolve{version}"
        try:
            evolve = import_module(name).evolve
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
            raise UsageError(
                f"{self.name} has no step to its version {version}.",
                f"Add the module {name}, or correct VERSION.",
            ) from error
        except AttributeError as error:
            raise UsageError(
                f"The module {name} has no function evolve(root).",
                "Add it; it may be a Step.",
            ) from error
        return PendingStep(self, version, evolve)


@dataclass(frozen=True)
class PendingStep:
    """One step that a database still needs.

    :param evolve: a plain function of the root, or a :class:`Step`.
    """

    package: Package
    version: int
    evolve: Any

    @property
    def declared(self) -> Step | None:
        """The step, if it is more than a function."""
        return self.evolve if isinstance(self.evolve, Step) else None

    @property
    def kind(self) -> str:
        """``plain``, ``declared`` or ``deferred``."""
        if self.declared is None:
            return "plain"
        return "deferred" if self.declared.deferred else "declared"

    @property
    def title(self) -> str:
        """What it does, in one line."""
        if self.declared is not None:
            return self.declared.title
        text = self.evolve.__doc__ or ""
        return text.strip().partition("\n")[0].rstrip(".") or str(self)

    def __str__(self) -> str:
        return f"{self.package.name} {self.version}"

    def named(self) -> dict[str, Any]:
        """Return what events tell it by."""
        return {
            "package": self.package.name,
            "version": self.version,
            "title": self.title,
            "kind": self.kind,
        }


def discovered(named: Iterable[str] = ()) -> list[Package]:
    """Return every package that evolves: required ones first, otherwise by name.

    :param named: dotted names of further packages, which come last.
    """
    points = {point.value: point for point in entry_points(group=GROUP)}
    needs = {point.value: _needed(_distribution(point)) for point in points.values()}
    ordered = _ordered(points, needs)
    further = dict.fromkeys(name for name in named if name not in points)
    modules = [*ordered, *further]
    return [
        _package(points[module].name if module in points else module, module)
        for module in modules
    ]


def _package(name: str, module: str) -> Package:
    try:
        loaded = import_module(module)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"The package {module} of {name} cannot be imported: {error}.",
            "Run this with the software that the database is for.",
        ) from error
    software = getattr(loaded, "VERSION", None)
    initial = getattr(loaded, "INITIAL_VERSION", 0)
    for value in (software, initial):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise UsageError(
                f"The version of {module} is {value!r}, which is no whole number.",
                f"Set VERSION in {module}.",
            )
    return Package(name, module, int(software or 0), initial)


def _distribution(point: EntryPoint) -> str:
    return _normal(point.dist.name if point.dist else point.name)


def _needed(name: str) -> set[str]:
    # Everything that a distribution requires, directly or not.
    found: set[str] = set()
    waiting = [name]
    while waiting:
        try:
            lines = requires(waiting.pop()) or []
        except PackageNotFoundError:
            continue
        for line in lines:
            if "extra ==" in line:
                continue
            required = _normal(re.split(r"[^\w.-]", line, maxsplit=1)[0])
            if required not in found:
                found.add(required)
                waiting.append(required)
    return found


def _ordered(
    points: Mapping[str, EntryPoint], needs: Mapping[str, set[str]]
) -> list[str]:
    waiting = sorted(points, key=lambda module: points[module].name)
    ordered: list[str] = []
    while waiting:
        names = {module: _distribution(points[module]) for module in waiting}
        free = [
            module
            for module in waiting
            if not (needs[module] - {names[module]}) & set(names.values())
        ]
        # Those that require each other go by name.
        ordered.append((free or waiting)[0])
        waiting.remove(ordered[-1])
    return ordered


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
