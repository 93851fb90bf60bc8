"""The cases: each a module with a function that runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmarks.cases import (
    check,
    disk,
    install,
    linked,
    memory,
    reindex,
    start,
    switch,
    upgrade,
    zeobackup,
    zeoreadonly,
)
from benchmarks.findings import Result
from benchmarks.sizes import DatabaseSize
from benchmarks.softwaresets import SoftwareSet
from benchmarks.workshop import Workshop


@dataclass(frozen=True)
class Case:
    """One thing to find out about software.

    :ivar sets: names of the sets that it is run with.
    """

    name: str
    about: str
    sets: tuple[str, ...]
    run: Callable[[Workshop, SoftwareSet], Result]


@dataclass(frozen=True)
class DatabaseCase:
    """One thing to find out about databases.

    :ivar run: is given all sizes at once, the smallest first.
    """

    name: str
    about: str
    run: Callable[[Workshop, Sequence[DatabaseSize]], Sequence[Result]]


class EvolveRun(Protocol):
    """Finds out something about evolving."""

    def __call__(self, shop: Workshop, *, quick: bool) -> Sequence[Result]:
        """Find it out, or only show that everything works."""


@dataclass(frozen=True)
class EvolveCase:
    """One thing to find out about evolving."""

    name: str
    about: str
    run: EvolveRun


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

DATABASE_CASES = (
    DatabaseCase(
        "backup",
        "backup, staging and catching up against repozo and rsync, by size",
        zeobackup.run,
    ),
    DatabaseCase(
        "read-only",
        "what readers feel while a database goes read-only",
        zeoreadonly.run,
    ),
)

EVOLVE_CASES = (
    EvolveCase(
        "upgrade",
        "a site's read-only window and its readers, against the old way",
        upgrade.run,
    ),
    EvolveCase(
        "reindex",
        "reindexing one index against reindexing all",
        reindex.run,
    ),
    EvolveCase(
        "memory",
        "what evolving takes, by the number of objects",
        memory.run,
    ),
)

#: Cases by the name of all of them.
GROUPS = {
    "software": tuple(case.name for case in CASES),
    "databases": tuple(case.name for case in DATABASE_CASES),
    "evolve": tuple(case.name for case in EVOLVE_CASES),
}
