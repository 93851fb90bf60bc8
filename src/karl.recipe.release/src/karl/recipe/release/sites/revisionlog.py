"""The revision log: the intent and the outcome of every change, in order.

An intent is on disk before its change begins, an outcome after it ended.  An
intent without an outcome is a run that was killed.  ``previous`` and every
number ever used come from here, never from a time stamp.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from karl.recipe.release.base.journal import Journal

INTENT = "intent"
OUTCOME = "outcome"

#: Results of a run.
DONE = "done"
FAILED = "failed"
#: The run was killed before its change took effect.
ABANDONED = "abandoned"

#: Actions after which a revision is live.
MAKES_LIVE = frozenset({"switch", "activate", "rollback"})
#: Actions that write a new revision.
WRITES = frozenset({"switch", "prepare"})

#: What became of the commands after a switch.
HOOKS_DONE = "done"
HOOKS_NONE = "none"
HOOKS_SKIPPED = "skipped"
HOOKS_FAILED = "failed"
HOOKS_UNKNOWN = "unknown"


@dataclass(frozen=True)
class Run:
    """One change: what was meant, and what came of it.

    :ivar key: tells the runs apart.
    :ivar action: such as ``switch``, ``rollback``, ``prune``, ``pin``.
    :ivar revision: the revision that it is about, or None.
    :ivar previous: the revision that was live before, or None.
    :ivar release: the version of the revision's release, or "".
    :ivar result: ``done``, ``failed``, ``abandoned``; "" while there is none.
    :ivar hooks: what became of the commands after a switch, or "".
    :ivar details: everything else that is recorded.
    """

    key: str
    action: str
    revision: int | None = None
    previous: int | None = None
    release: str = ""
    result: str = ""
    hooks: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def recorded(self) -> dict[str, Any]:
        """Return what an entry of the log says about this run."""
        return {
            **self.details,
            "run": self.key,
            "action": self.action,
            "revision": self.revision,
            "previous": self.previous,
            "release": self.release,
        }


@dataclass(frozen=True)
class History:
    """All runs, oldest first, and what follows from them."""

    runs: tuple[Run, ...] = ()

    @property
    def highest(self) -> int:
        """The highest number that any revision ever had; 0 for none."""
        return max((run.revision or 0 for run in self.runs), default=0)

    @property
    def unfinished(self) -> tuple[Run, ...]:
        """Runs that were killed and not yet settled."""
        return tuple(run for run in self.runs if not run.result)

    @property
    def written(self) -> dict[int, Run]:
        """For each revision the run that wrote it."""
        return {
            run.revision: run
            for run in self.runs
            if run.revision is not None and run.action in WRITES and run.result == DONE
        }

    @property
    def live(self) -> tuple[Run, ...]:
        """The runs that made a revision live, oldest first."""
        return tuple(
            run
            for run in self.runs
            if run.revision is not None
            and run.action in MAKES_LIVE
            and run.result == DONE
        )

    def was_live(self, number: int) -> bool:
        """Tell whether that revision was ever live."""
        return any(run.revision == number for run in self.live)

    def hooks_of(self, number: int) -> str:
        """Return what became of the last hooks for that revision."""
        found = [
            run.hooks
            for run in self.runs
            if run.revision == number and run.result and run.hooks
        ]
        return found[-1] if found else ""


class RevisionLog:
    """The file that the history is kept in."""

    def __init__(self, path: Path) -> None:
        self.journal = Journal(path)

    def begin(self, run: Run) -> Run:
        """Record what is about to be done; return the run with its key."""
        keyed = Run(
            key=os.urandom(4).hex(),
            action=run.action,
            revision=run.revision,
            previous=run.previous,
            release=run.release,
            details=run.details,
        )
        self.journal.append(INTENT, **keyed.recorded())
        return keyed

    def finish(self, run: Run, result: str, hooks: str = "", **details: Any) -> None:
        """Record what came of it.  The entry repeats the intent."""
        entry = {**run.recorded(), **details}
        self.journal.append(OUTCOME, **entry, result=result, hooks=hooks)

    def history(self) -> History:
        """Return all runs.  Entries that are not ours or torn are left out."""
        runs: dict[str, Run] = {}
        for entry in self.journal.entries():
            run = _run_of(entry)
            if run is not None:
                runs[run.key] = run
        return History(tuple(runs.values()))


_KNOWN = frozenset(
    {"event", "time", "run", "action", "revision", "previous", "release"}
    | {"result", "hooks"}
)


def _run_of(entry: Mapping[str, Any]) -> Run | None:
    if entry.get("event") not in (INTENT, OUTCOME):
        return None
    try:
        return Run(
            key=str(entry["run"]),
            action=str(entry["action"]),
            revision=_number(entry["revision"]),
            previous=_number(entry["previous"]),
            release=str(entry["release"]),
            result=str(entry.get("result", "")),
            hooks=str(entry.get("hooks", "")),
            details={key: value for key, value in entry.items() if key not in _KNOWN},
        )
    except (KeyError, TypeError, ValueError):
        return None


def _number(value: object) -> int | None:
    if value is None or isinstance(value, int):
        return value
    raise TypeError(value)
