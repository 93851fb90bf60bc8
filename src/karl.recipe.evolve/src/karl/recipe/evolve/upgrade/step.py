"""What a step of an upgrade is, and what it works with."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.evolve.upgrade.ahead import Ahead
from karl.recipe.evolve.upgrade.model import Facts
from karl.recipe.evolve.upgrade.places import RunPlaces
from karl.recipe.evolve.upgrade.programs import Programs
from karl.recipe.release.base.reporter import Reporter


@dataclass
class Work:
    """One run, at work.

    :ivar facts: what is known: what was observed, and what steps have found.
    :ivar limit: when the window must be over, by the clock of :func:`time.time`;
        None: there is no limit.
    :ivar ahead: processes that wait to be told to begin, by what they will do.
    :ivar done_now: steps that were done by this command, not by one before it.
    """

    declared: SiteDeclaration
    places: RunPlaces
    programs: Programs
    reporter: Reporter
    facts: dict[str, Any] = field(default_factory=dict)
    limit: float | None = None
    ahead: dict[tuple[str, ...], Ahead] = field(default_factory=dict)
    done_now: set[str] = field(default_factory=set)

    @property
    def is_direct(self) -> bool:
        """Tell whether the copy's files are here, and ours to write."""
        data = self.facts.get("data")
        return bool(
            self.programs.database_is_here
            and data
            and os.access(data, os.R_OK | os.W_OK)
            and os.access(self.facts["blobs"], os.R_OK | os.W_OK)
        )

    def close(self) -> None:
        """End what waits still."""
        while self.ahead:
            self.ahead.popitem()[1].close()

    @property
    def copy(self) -> int | None:
        """The number of the new database copy, once there is one."""
        return self.facts.get("copy")

    def number(self, name: str) -> str:
        """Return a fact that is a number, as a word for a command."""
        return str(int(self.facts[name]))


def due(work: Work) -> str:
    """Say that there is something to do."""
    return ""


@dataclass(frozen=True)
class Step:
    """A step of an upgrade.  Doing it again, or after a half of it, is no harm.

    :ivar phase: the part of the run that it is of.
    :ivar description: a sentence for the plan; ``{fact}`` is filled in.
    :ivar apply: does it, and returns what it has found.
    :ivar check: tells why there is nothing to do; empty: there is.
    :ivar sure: there is, unless the run is one that is gone on with.
    :ivar undo: makes it as if it had not been done, whether or how far it was;
        returns what it did, a sentence, or nothing.
    :ivar window: writes are refused while it is done.
    :ivar barrier: if it cannot be undone, nothing before it may be.
    :ivar soft: the run goes on if it fails, with a warning.
    :ivar late: the run has done what it should before it; it can be done later, too.
    :ivar final: from here on the run can only be finished.
    """

    name: str
    phase: str
    description: str
    apply: Callable[[Work], Facts]
    check: Callable[[Work], str] = due
    undo: Callable[[Work], str] | None = None
    sure: bool = False
    window: bool = False
    barrier: bool = False
    soft: bool = False
    final: bool = False
    late: bool = False
