"""How operations tell what they do, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


def counted(number: int, units: str) -> str:
    """Return how many there are, in words.

    :param units: what they are, several of them, such as ``files`` or ``KiB``.
    """
    return f"{number} {units.removesuffix('s') if number == 1 else units}".rstrip()


class Task(Protocol):
    """Long work that is under way."""

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Say that *amount* more units are done."""

    def done(self, note: str = "") -> None:
        """Say that the work has ended."""


class Reporter(Protocol):
    """Receives what an operation has to say."""

    def say(self, text: str) -> None:
        """Tell one fact or one step, a sentence."""

    def warn(self, text: str) -> None:
        """Tell something the operator should know."""

    def task(self, label: str, total: int | None = None, unit: str = "") -> Task:
        """Begin long work.

        :param total: units of work in all; None if that is not known, as for a
            compilation: then each ``advance(0)`` is a sign of life.
        :param unit: the name of a unit, such as ``files`` or ``MB``.
        """


class SilentTask:
    """A task that nobody watches."""

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Ignore."""

    def done(self, note: str = "") -> None:
        """Ignore."""


class SilentReporter:
    """A reporter that nobody listens to."""

    def say(self, text: str) -> None:
        """Ignore."""

    def warn(self, text: str) -> None:
        """Ignore."""

    def task(self, label: str, total: int | None = None, unit: str = "") -> Task:
        """Return a silent task."""
        return SilentTask()
