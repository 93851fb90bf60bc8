"""What the journal of a run tells: how far it came, and what it has found.

Each entry is on disk before what it tells of is begun, and again when that is done:

``begin``
    ``kind``, ``request``, ``facts``, ``reason``, ``text`` of each step by name.
``step``, ``done``
    ``step``; of ``done`` also ``facts``, ``seconds``, and ``skipped``: why there was
    nothing to do.
``failed``
    ``step``, ``message``, ``tip``, ``exit``.
``warning``
    ``text``.
``undoing``, ``undo``, ``undone``
    ``why``; ``step``; ``step`` and ``text``.
``resumed``
    ``again``: the steps that are done once more.
``end``
    ``outcome``: ``done`` or ``undone``.  What can be done later comes after it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from karl.recipe.evolve.upgrade.model import Request
from karl.recipe.evolve.upgrade.places import Places, RunPlaces
from karl.recipe.release.base.errors import DamagedError
from karl.recipe.release.base.journal import Journal

DONE = "done"
UNDONE = "undone"


@dataclass
class Attempt:
    """What is known of one step of a run.

    :ivar begun: when it was begun last, in seconds since the epoch.
    :ivar seconds: how long it took; None: it did not end.
    :ivar skipped: why there was nothing to do.
    """

    begun: float
    seconds: float | None = None
    skipped: str = ""


@dataclass
class Run:
    """A run as its journal has it.

    :ivar attempts: of each step that was begun, in order, by name.
    :ivar undone: what was undone, sentences.
    :ivar undoing: why everything is being undone; empty: it is not.
    :ivar outcome: ``done``, ``undone``, or empty while it has neither.
    """

    places: RunPlaces
    kind: str
    request: Request
    reason: str
    begun: float
    facts: dict[str, Any]
    texts: dict[str, str] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    failure: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    undoing: str = ""
    outcome: str = ""
    ended: float = 0.0

    @property
    def number(self) -> int:
        """The number of the run."""
        return self.places.number

    def is_done(self, name: str) -> bool:
        """Tell whether a step was done."""
        attempt = self.attempts.get(name)
        return attempt is not None and attempt.seconds is not None

    def is_begun(self, name: str) -> bool:
        """Tell whether a step was begun, whatever became of it."""
        return name in self.attempts


@contextlib.contextmanager
def understood(places: RunPlaces) -> Iterator[None]:
    """Have a journal called damaged whose values are not what they should be.

    :raises DamagedError: they are not.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as bad:
        raise DamagedError(
            f"The journal {places.journal} cannot be understood: {bad!r}.",
            "Look at the site with bin/site status, switch-version --list and zeoctl "
            "status; then move the folder of this run away.",
        ) from None


def load(places: RunPlaces) -> Run:
    """Read the journal of a run.

    :raises DamagedError: it does not tell what was begun.
    """
    entries = Journal(places.journal).entries()
    with understood(places):
        first = entries[0]
        run = Run(
            places,
            first["kind"],
            Request(**first["request"]),
            first["reason"],
            first["time"],
            dict(first["facts"]),
            dict(first["texts"]),
        )
        for entry in entries[1:]:
            _take(run, entry)
    return run


def _take(run: Run, entry: dict[str, Any]) -> None:
    event, step = entry["event"], entry.get("step", "")
    if event == "step":
        run.attempts[step] = Attempt(entry["time"])
        run.failure = None
    elif event == "done":
        attempt = run.attempts[step]
        attempt.seconds, attempt.skipped = entry["seconds"], entry["skipped"]
        run.facts.update(entry["facts"])
        # What was done in the end needs no warning any more.
        run.warnings = [each for each in run.warnings if not _is_of(each, step)]
    elif event == "failed":
        run.failure = entry
    elif event == "warning":
        run.warnings.append(entry["text"])
    elif event == "undoing":
        run.undoing = entry["why"]
    elif event == "resumed":
        _resume(run, entry["again"])
    elif event == "undone" and entry["text"]:
        run.undone.append(entry["text"])
    elif event == "end":
        run.outcome, run.ended = entry["outcome"], entry["time"]


def _is_of(warning: str, step: str) -> bool:
    return warning.startswith(f"{step}: ")


def _resume(run: Run, again: Sequence[str]) -> None:
    """Go on, and do some steps again, whatever became of them."""
    run.undoing, run.failure = "", None
    for name in again:
        run.attempts.pop(name, None)


def newest(places: Places) -> Run | None:
    """Return the run that was begun last, if there was one.

    A run that was killed before it could write what it would do has done nothing.
    """
    for each in reversed(places.all_runs()):
        if Journal(each.journal).entries():
            return load(each)
    return None


def unfinished(places: Places) -> Run | None:
    """Return the run that was neither finished nor undone, if there is one."""
    run = newest(places)
    return run if run is not None and not run.outcome else None


def next_number(places: Places) -> int:
    """Return a number that no run has."""
    return max((each.number for each in places.all_runs()), default=0) + 1


def _whole(places: RunPlaces) -> Run | None:
    """Return a run, if its journal can be understood."""
    try:
        return load(places)
    except DamagedError:
        return None


def times(places: Places, version: str, kinds: Sequence[str]) -> dict[str, float]:
    """Return how long steps took the last time, the same version before others.

    What a rehearsal only predicts counts after what was timed in it.

    :param kinds: of the runs that count.
    """
    found: dict[str, float] = {}
    runs = [run for each in places.all_runs() if (run := _whole(each)) is not None]
    for same in (True, False):
        for run in reversed(runs):
            if run.kind in kinds and (run.request.version == version) is same:
                for name, attempt in run.attempts.items():
                    if attempt.seconds is not None:
                        found.setdefault(name, attempt.seconds)
                for part in run.facts.get("prediction", []):
                    if part["seconds"] is not None:
                        found.setdefault(part["step"], part["seconds"])
    return found
