"""Every error the suite raises on purpose, and the exit code that it maps to.

An error carries the sentence that says what is wrong and a *tip* that says
what to do next.  Commands turn it into an exit code in one place
(:mod:`karl.recipe.release.base.command`), recipes into ``zc.buildout.UserError``.
"""

from __future__ import annotations


class KarlError(Exception):
    """Something that an operator can understand and act upon.

    :param message: what is wrong, one sentence.
    :param tip: what to do next, one sentence; may be empty.
    """

    #: The process exit code that a command ends with.
    exit_code = 1

    def __init__(self, message: str, tip: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.tip = tip

    def __str__(self) -> str:
        return f"{self.message} {self.tip}".strip()


class UsageError(KarlError):
    """An option, argument or input file is not of the form it must have."""

    exit_code = 2


class RefusedError(KarlError):
    """The request is understood, but the state on disk forbids it."""

    exit_code = 3


class DamagedError(KarlError):
    """Bytes on disk differ from what was recorded or promised."""

    exit_code = 4


class BusyError(KarlError):
    """Another command holds the lock."""

    exit_code = 5


class UnfinishedError(KarlError):
    """The change took effect, but something that must follow it failed."""

    exit_code = 6


class PrerequisiteError(KarlError):
    """A program, header or library is missing on this machine."""

    exit_code = 7


class UnreachableError(KarlError):
    """A registry or another host could not be reached."""

    exit_code = 8


class ProcessError(KarlError):
    """A program that we ran failed.

    :param argv: the argument list that was run.
    :param status: its exit status; negative: the signal that ended it.
    :param output: the end of what it printed.
    """

    def __init__(
        self, message: str, argv: tuple[str, ...], status: int, output: str
    ) -> None:
        super().__init__(message, f"Its last output:\n{output}" if output else "")
        self.argv = argv
        self.status = status
        self.output = output


class OutputError(KarlError):
    """Standard output takes nothing: it is full, closed, or nobody reads it."""


class TimeLimitError(ProcessError):
    """A program took longer than it may, and was ended."""
