"""How long the read-only window of an upgrade will be, and how that is known.

A rehearsal does the greater part of what happens in the window, but not all: it
freezes nothing, makes nothing live and restarts nothing.  What it does not do takes as
long as it took the last time on this site; where there was none, as long as what is
like it in the rehearsal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

#: How the time of a step is known.
REHEARSED = "rehearsed"
REMEMBERED = "remembered"
ESTIMATED = "estimated"
UNKNOWN = "unknown"

#: Steps of the window that a rehearsal takes under another name.
_LIKE = {"final-catch-up": "catch-up"}

#: Steps of the window that are a command or two, and no work: as discarding a
#: revision is in the rehearsal.
_QUICK = ("mode", "freeze", "activate", "restart", "health", "adopt", "normal")

#: As long as it takes is said by the operator.
_WAIT = "wait"


@dataclass(frozen=True)
class Rehearsed:
    """What a rehearsal has found.

    :ivar took: seconds that its steps took, by name.
    :ivar workers: how many processes the site has.
    :ivar trials: how many processes of the revision were tried, one after the other.
    """

    took: Mapping[str, float]
    workers: int
    trials: int

    @property
    def restart(self) -> float | None:
        """Seconds to restart all processes: each as long as one that was tried."""
        tried = self.took.get("try")
        return None if tried is None else self.workers * tried / max(1, self.trials)


@dataclass(frozen=True)
class Part:
    """A step of the window.

    :ivar seconds: how long it will take; None: nobody knows.
    :ivar known: how that is known.
    """

    step: str
    seconds: float | None
    known: str


def predict(
    steps: Iterable[str], rehearsed: Rehearsed, remembered: Mapping[str, float]
) -> tuple[Part, ...]:
    """Return the parts of the window to come.

    :param steps: names of the steps in the window that will have something to do.
    :param remembered: seconds that steps took the last time, by name.
    """
    return tuple(_part(name, rehearsed, remembered) for name in steps if name != _WAIT)


def _part(name: str, rehearsed: Rehearsed, remembered: Mapping[str, float]) -> Part:
    took = rehearsed.took.get(_LIKE.get(name, name))
    if took is not None:
        return Part(name, took, REHEARSED)
    if name in remembered:
        return Part(name, remembered[name], REMEMBERED)
    quick = rehearsed.took.get("discard")
    if name not in _QUICK or quick is None:
        return Part(name, None, UNKNOWN)
    if name != "activate":
        return Part(name, quick, ESTIMATED)
    # The site's command after a switch restarts its processes.
    restart = rehearsed.restart
    return Part(name, None if restart is None else restart + quick, ESTIMATED)


def facts(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """Return the parts as JSON values."""
    return [
        {
            "step": part.step,
            "seconds": None if part.seconds is None else round(part.seconds, 3),
            "known": part.known,
        }
        for part in parts
    ]


def seconds(found: Iterable[Mapping[str, Any]]) -> float:
    """Return how long the window will be, as far as it is known.

    :param found: parts as JSON values.
    """
    return round(sum(part["seconds"] or 0.0 for part in found), 3)


_WORDS = (
    (REHEARSED, "were rehearsed"),
    (REMEMBERED, "are as the last time"),
    (ESTIMATED, "are estimated"),
)


def text(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return lines that tell what the prediction consists of.

    :param found: parts as JSON values.
    """
    found = list(found)
    told = [
        f"{seconds(each for each in found if each['known'] == known):.1f} s {words}"
        for known, words in _WORDS
        if any(each["known"] == known for each in found)
    ]
    lines = [f"of that, {', '.join(told)}"] if told else []
    missing = [each["step"] for each in found if each["seconds"] is None]
    if missing:
        lines.append(f"not in it, as it was never timed: {', '.join(missing)}")
    return lines
