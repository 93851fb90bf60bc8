"""Imports and starts: from a release against a plain virtual environment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import ours
from benchmarks.applications import STARTERS, Starter
from benchmarks.findings import Result, Target, at_most, named, ratio
from benchmarks.programs import timed
from benchmarks.rounds import Contender, compete
from benchmarks.softwaresets import SoftwareSet
from benchmarks.workshop import Workshop

#: Short things are measured more often.
_OFTEN = 5

_RELEASE = "from a release"
_ENVIRONMENT = "from an environment of pip"

_COMPARES = """\
The same distributions in a release of the recipe, and in a virtual environment of \
Python made by pip, which compiled bytecode too. Whole processes, in turn. Imported \
are {imports}."""


def run(shop: Workshop, software: SoftwareSet) -> Result:
    """Start everything from both, in turn."""
    root = shop.ready(software).buildout.release(software.first)
    plain = shop.environment(software)
    sides = (
        (_RELEASE, ours.interpreter_of(root), root / "bin"),
        (_ENVIRONMENT, plain / "bin" / "python", plain / "bin"),
    )
    what = {"imports": _importer(software.imports)}
    if software.name in STARTERS:
        title, starter = STARTERS[software.name]
        what[title] = starter
    contenders = [
        Contender(
            f"{title} {side}",
            f"{software.name}-start",
            _runner(shop, starter, python, commands, number),
        )
        for title, starter in what.items()
        for number, (side, python, commands) in enumerate(sides)
    ]
    found = compete(contenders, _OFTEN * shop.rounds, shop, warm_up=True)
    times = named(found)
    return Result(
        case=f"start {software.name}",
        title=f"Imports and start: {software.title}",
        compares=_COMPARES.format(
            imports=", ".join(f"`{name}`" for name in software.imports)
        ),
        measurements=tuple(found),
        findings=tuple(
            ratio(
                f"{title}: a release takes, of the environment's time",
                times[f"{title} {_RELEASE}"],
                times[f"{title} {_ENVIRONMENT}"],
                _target(software),
            )
            for title in what
        ),
    )


def _target(software: SoftwareSet) -> Target | None:
    return at_most(1.05) if software.name != "quick" else None


def _importer(modules: Sequence[str]) -> Starter:
    code = f"import {', '.join(modules)}"

    def start(shop: Workshop, python: Path, commands: Path, folder: Path) -> float:
        return timed([python, "-I", "-c", code], home=shop.home)

    return start


def _runner(
    shop: Workshop, starter: Starter, python: Path, commands: Path, number: int
) -> Callable[[Path], float]:
    """Return what starts it, always with the same folder for its data."""
    data = shop.root / f"{starter.__name__}-{number}"
    return lambda _: starter(shop, python, commands, data)
