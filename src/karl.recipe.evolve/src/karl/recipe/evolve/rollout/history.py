"""What the journal of a rollout tells: which steps were done, and what they found.

``begin``
    ``tag``: a run of the command begins.
``step``, ``done``
    ``step``; of ``done`` also ``facts``, ``seconds``, and ``skipped``: why there was
    nothing to do.
``failed``
    ``step``, ``message``, ``tip``, ``exit``.
``end``
    ``until``: the last step that was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from karl.recipe.evolve.rollout.places import RunPlaces
from karl.recipe.release.base.errors import DamagedError
from karl.recipe.release.base.journal import Journal


@dataclass
class History:
    """What was done of a rollout before.

    :ivar done: names of the steps that were done.
    :ivar facts: what they have found.
    """

    done: set[str] = field(default_factory=set)
    facts: dict[str, Any] = field(default_factory=dict)


#: What facts must be, if they are there: steps rely on it.
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "commit": str,
    "project": str,
    "previous": str,
    "extends": str,
    "was_frozen": bool,
    "published": dict,
    "sha256": str,
    "changes": list,
    "shipped": list,
    "predicted_window": (float, int, type(None)),
    "window": (float, int, type(None)),
    "run": (int, type(None)),
    "revision": int,
}


def load(places: RunPlaces) -> History:
    """Read the journal of a rollout; there may be none.

    :raises DamagedError: it cannot be understood.
    """
    found = History()
    try:
        for entry in Journal(places.journal).entries():
            if entry["event"] == "done":
                found.facts.update(_checked(entry["facts"]))
                found.done |= set() if entry["skipped"] else {entry["step"]}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(
            f"The journal {places.journal} cannot be understood: {error!r}.",
            "Move the folder of this rollout away: every step looks for itself what "
            "there is to do.",
        ) from None
    return found


def _checked(facts: dict[str, Any]) -> dict[str, Any]:
    """Return facts, if each is of its kind.

    :raises TypeError: one is not.
    """
    for name, value in facts.items():
        if not isinstance(value, _KINDS.get(name, object)):
            raise TypeError(f"{name} is {value!r}")
    return facts
