"""What goes wrong with a step, in words that its author can act upon."""

from __future__ import annotations


class EvolveError(Exception):
    """Something that whoever evolves a database can understand and act upon.

    :param message: what is wrong, one sentence.
    :param tip: what to do next, one sentence; may be empty.
    """

    #: The exit code of a process that ends with it.
    exit_code = 1

    def __init__(self, message: str, tip: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.tip = tip

    def __str__(self) -> str:
        return f"{self.message} {self.tip}".strip()


class StepError(EvolveError):
    """A step asks for what cannot be done, or breaks its own promise."""


class UnknownIndexError(StepError):
    """A step names an index that the catalog does not have."""
