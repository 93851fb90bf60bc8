"""What the last verification of a backup found: ``<stamp>.verified.json``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from karl.recipe.release.base import files
from karl.recipe.zeoserver.backups.units import Unit
from karl.recipe.zeoserver.databases import typed


@dataclass(frozen=True)
class Verdict:
    """The result of a verification.

    :ivar time: when it ended, seconds since the epoch.
    :ivar drill: whether it was restored to a scratch copy and loaded.
    :ivar damage: what is wrong; empty: nothing.
    :ivar findings: of the check of the scratch copy.
    """

    time: float
    drill: bool
    damage: tuple[str, ...] = ()
    findings: dict[str, Any] = field(default_factory=dict)


def read(unit: Unit) -> Verdict | None:
    """Return what the last verification of a backup found; None: there was none."""
    try:
        values = json.loads(unit.places.verification.read_text(encoding="utf-8"))
        return typed.built(Verdict, values)
    except (FileNotFoundError, RecursionError, TypeError, ValueError):
        return None


def save(unit: Unit, verdict: Verdict) -> None:
    """Record what a verification found."""
    files.write(
        unit.places.verification, files.canonical_json(dataclasses.asdict(verdict))
    )


def damaged(units: Iterable[Unit]) -> Unit | None:
    """Return the first in which the last verification found damage."""
    return next(
        (unit for unit in units if (found := read(unit)) and found.damage), None
    )
