"""What a verb will do, decided before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Plan:
    """The steps of a change, as sentences, and what is known of it beforehand.

    :ivar steps: in order; none: nothing is to be done.
    :ivar facts: for programs.
    """

    steps: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def rehearsed(self) -> dict[str, Any]:
        """Return the result of ``--dry-run``."""
        told = [f"would {step}" for step in self.steps] or ["nothing to do"]
        return {
            **self.facts,
            "dry_run": True,
            "plan": list(self.steps),
            "text": "; ".join(told) + ".",
        }

    def done(self, text: str, **facts: Any) -> dict[str, Any]:
        """Return the result of the change.

        :param text: what was done, sentences for people.
        """
        return {**self.facts, "changed": bool(self.steps), "text": text, **facts}
