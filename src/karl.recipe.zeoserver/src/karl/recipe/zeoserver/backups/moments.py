"""Points in time as operators write them, and as stamps of backups."""

from __future__ import annotations

import calendar
import datetime as dt
import re
import time

from karl.recipe.release.base.errors import UsageError
from karl.recipe.zeoserver.databases import tids

#: repozo's form of a time in UTC.
_STAMP = "%Y-%m-%d-%H-%M-%S"

_IS_STAMP = re.compile(
    r"[12]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
    r"-(?:[01]\d|2[0-3])(?:-[0-5]\d){2}\Z"
)


def parse(text: str) -> str:
    """Return the transaction id, 16 hexadecimal digits, that *text* stands for.

    :param text: ISO 8601, in local time unless it names a zone; or a transaction
        id itself.
    :raises UsageError: it is neither.
    """
    if tids.is_tid(found := tids.spelled(text)):
        return found
    try:
        return tids.of_time(dt.datetime.fromisoformat(text).timestamp())
    except (OSError, OverflowError, ValueError):
        raise UsageError(
            f"{text!r} is not a time.",
            "Write it as in 2026-11-23T14:30 (local time) or 2026-11-23T13:30Z, or "
            "give a transaction id of 16 hexadecimal digits.",
        ) from None


def local(seconds: float) -> str:
    """Return a time as people read it here."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def is_stamp(text: str) -> bool:
    """Tell whether *text* has repozo's form of a time."""
    return bool(_IS_STAMP.match(text))


def stamp(seconds: float, after: str) -> str:
    """Return the stamp of a time, or the first one after another stamp.

    :param after: the newest stamp there is; may be empty.
    """
    found = time.strftime(_STAMP, time.gmtime(seconds))
    if found > after:
        return found
    return time.strftime(_STAMP, time.gmtime(stamp_time(after) + 1))


def stamp_time(text: str) -> float:
    """Return the time of a stamp, seconds since the epoch."""
    return calendar.timegm(tuple(int(part) for part in text.split("-")))
