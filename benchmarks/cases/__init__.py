"""The cases: each a module with a function that runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.cases import check, disk, install, linked, start, switch
from benchmarks.findings import Result
from benchmarks.softwaresets import SoftwareSet
from benchmarks.workshop import Workshop


@dataclass(frozen=True)
class Case:
    """One thing to find out.

    :ivar sets: names of the sets that it is run with.
    """

    name: str
    about: str
    sets: tuple[str, ...]
    run: Callable[[Workshop, SoftwareSet], Result]


CASES = (
    Case(
        "install",
        "the recipe against zc.buildout, pip and uv",
        ("plone", "sample", "quick"),
        install.run,
    ),
    Case("disk", "what one more release takes", ("plone", "sample", "quick"), disk.run),
    Case(
        "linked",
        "lxml built against the system's libraries",
        ("sample",),
        linked.run,
    ),
    Case(
        "switch",
        "switch-version and its way back",
        ("plone", "sample", "quick"),
        switch.run,
    ),
    Case(
        "check",
        "a run with nothing to do, and verifying a release",
        ("plone", "sample", "quick"),
        check.run,
    ),
    # Last: as root, applications can write into a release, and Plone does.
    Case(
        "start",
        "imports and the application's start against a plain environment",
        ("plone", "sample", "quick"),
        start.run,
    ),
)
