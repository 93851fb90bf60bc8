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


def load(places: RunPlaces) -> History:
    """Read the journal of a rollout; there may be none.

    :raises DamagedError: it cannot be understood.
    """
    found = History()
    try:
        for entry in Journal(places.journal).entries():
            if entry["event"] == "done":
                found.facts.update(entry["facts"])
                found.done |= set() if entry["skipped"] else {entry["step"]}
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(
            f"The journal {places.journal} cannot be understood: {error!r}.",
            "Move the folder of this rollout away: every step looks for itself what "
            "there is to do.",
        ) from None
    return found
