"""What other commands answer: strictly parsed, their failures made ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from karl.recipe.release.base.errors import (
    BusyError,
    DamagedError,
    KarlError,
    PrerequisiteError,
    RefusedError,
    UnfinishedError,
    UnreachableError,
    UsageError,
)

_ERRORS: Mapping[int, type[KarlError]] = {
    each.exit_code: each
    for each in (
        KarlError,
        UsageError,
        RefusedError,
        DamagedError,
        BusyError,
        UnfinishedError,
        PrerequisiteError,
        UnreachableError,
    )
}


class OutcomeUnknownError(UnreachableError):
    """A command was cut off: it is not known whether it did what it should."""


def failure(what: str, code: int, message: str, tip: str) -> KarlError:
    """Return the error of a command as one of ours.

    :param what: the command, such as ``zeoctl serve``.
    :param code: the exit code that it ended with.
    """
    return _ERRORS.get(code, KarlError)(f"{what}: {message}", tip)


def document(text: str) -> Mapping[str, Any] | None:
    """Return the one JSON object that *text* is; None if it is anything else."""
    try:
        found = json.loads(text)
    except (RecursionError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def told_error(found: Mapping[str, Any] | None) -> tuple[str, str, int] | None:
    """Return message, tip and exit code of the error that an answer is, or None."""
    error = found.get("error") if found else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return None
    try:
        return error["message"], str(error.get("next") or ""), int(error["exit"])
    except (KeyError, TypeError, ValueError):
        return None
