"""How the process ends: the exit codes, the same as everywhere in the suite."""

from __future__ import annotations

import traceback

from karl.recipe.evolve.steps import EvolveError


def told(error: Exception) -> str:
    """Return what an error of other people's code is, and where it was raised."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"in {place.filename}, line {place.lineno}"
    return f"{type(error).__name__}: {error} ({where})"


class UsageError(EvolveError):
    """An option, or a package that is to evolve, is not of the form it must have."""

    exit_code = 2


class RefusedError(EvolveError):
    """The state of the database forbids it."""

    exit_code = 3


class BrokenError(EvolveError):
    """After evolving, the data is not as the steps should have left it."""

    exit_code = 4


class BusyError(EvolveError):
    """Another process has the database open for writing."""

    exit_code = 5


class UnfinishedError(EvolveError):
    """Some of the work is done and committed, and the rest is not."""

    exit_code = 6


class UnreachableError(EvolveError):
    """The database's server does not answer."""

    exit_code = 8
