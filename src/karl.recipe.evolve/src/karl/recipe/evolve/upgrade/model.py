"""What is asked for, what is observed, and what is decided: values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Kinds of runs.
UPGRADE = "upgrade"
REHEARSAL = "rehearsal"
SWITCH = "switch"
FIRST = "first"
REFRESH = "refresh"
BACKGROUND = "background"
ROLLBACK = "rollback"
SWITCH_BACK = "switch-back"
NOTHING = "nothing"

#: What is known of a run: JSON values by name.
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """What the operator asks for.

    :ivar version: the release to upgrade to; empty for a rollback.
    :ivar rehearse: everything on a copy, production stays writable.
    :ivar rollback: go back to the revision and the copy before.
    :ivar discard_writes: with it, give up what was written since.
    :ivar postpone: a file; while it is there, the cut-over waits.
    :ivar leave_deferred: do not do what evolve steps leave for the background.
    :ivar refresh: bring the other site's data here that the buildout names.
    :ivar at: with it, as of this time or transaction; empty: the newest backup.
    """

    version: str = ""
    rehearse: bool = False
    rollback: bool = False
    discard_writes: bool = False
    postpone: str = ""
    leave_deferred: bool = False
    refresh: bool = False
    at: str = ""


@dataclass(frozen=True)
class Package:
    """A package that evolves.

    :ivar software: its version in the new release; None: it is not there.
    :ivar database: what the database was evolved to; None: never.
    :ivar pending: the versions whose steps have to be run.
    :ivar state: ``current``, ``pending``, ``newer`` or ``absent``.
    """

    name: str
    software: int | None
    database: int | None
    pending: tuple[int, ...]
    state: str


@dataclass(frozen=True)
class Versions:
    """What a release's software and a database say of each other.

    :ivar empty: nobody has put anything into the database yet.
    :ivar deferred: steps whose rest is left for the background: ``package``,
        ``version`` and ``title``.
    """

    packages: tuple[Package, ...] = ()
    empty: bool = False
    deferred: tuple[Facts, ...] = ()


@dataclass(frozen=True)
class Revision:
    """A revision of the site."""

    number: int
    release: str
    database: str | None


@dataclass(frozen=True)
class Foreign:
    """Another site's data, which a refresh brings here.

    :ivar source: the storage whose backup is taken.
    :ivar backup: which one it is.
    :ivar scrub: what will be done to them, in words; empty: nothing has to be.
    :ivar within_reach: the files of database copies are here, and ours.
    """

    source: str
    backup: str
    scrub: str
    within_reach: bool


@dataclass(frozen=True)
class Observed:
    """A site as it is found, before anything is decided.

    :ivar storage: the name of its storage.
    :ivar current: the live revision; None before the first switch.
    :ivar previous: the one that a rollback goes to, if there is one.
    :ivar releases: the releases that are built.
    :ivar live: number of the live database copy; None: there is none.
    :ivar live_mode: ``writable`` or ``read-only``.
    :ivar staged: numbers of staged copies.
    :ivar copies: status of each copy that there is, by number.
    :ivar packages: what the new release's software and the live database say.
    :ivar empty: the live database has nothing in it yet.
    :ivar deferred: what the live database still has for the background.
    :ivar withheld: numbers of copies that have another site's data as they were.
    :ivar foreign: the other site's data that a refresh would bring here.
    :ivar mode: of the site.
    :ivar inhibited: cron jobs are inhibited already.
    :ivar unfinished: number of a run that was neither finished nor undone.
    :ivar times: seconds that steps took the last time, by name.
    """

    site: str
    storage: str
    current: Revision | None = None
    previous: Revision | None = None
    releases: tuple[str, ...] = ()
    live: int | None = None
    live_mode: str = "writable"
    staged: tuple[int, ...] = ()
    copies: Mapping[int, str] = field(default_factory=dict)
    packages: tuple[Package, ...] = ()
    empty: bool = False
    deferred: tuple[Facts, ...] = ()
    withheld: tuple[int, ...] = ()
    foreign: Foreign | None = None
    mode: str = "normal"
    inhibited: bool = False
    unfinished: int | None = None
    times: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class PlannedStep:
    """A step that will be done.

    :ivar seconds: how long it took the last time; None: not known.
    :ivar window: writes are refused while it is done.
    """

    name: str
    phase: str
    text: str
    seconds: float | None
    window: bool


@dataclass(frozen=True)
class Plan:
    """What will be done.

    :ivar kind: of the run.
    :ivar reason: why it is of that kind.
    :ivar facts: what the steps begin with.
    """

    kind: str
    reason: str
    facts: Facts
    steps: tuple[PlannedStep, ...] = ()

    @property
    def window(self) -> float | None:
        """The predicted read-only window in seconds; None: it cannot be told."""
        return self._sum([step for step in self.steps if step.window])

    @property
    def seconds(self) -> float | None:
        """How long all will take; None: it cannot be told."""
        return self._sum(list(self.steps))

    @staticmethod
    def _sum(steps: list[PlannedStep]) -> float | None:
        if all(step.seconds is None for step in steps):
            return None
        return sum(step.seconds or 0.0 for step in steps)
