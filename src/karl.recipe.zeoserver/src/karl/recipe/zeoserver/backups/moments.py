"""Points in time as operators write them, as transaction ids and as stamps."""

from __future__ import annotations

import calendar
import datetime as dt
import re
import time

from karl.recipe.release.base.errors import UsageError

_TID = re.compile(r"(?:0x)?([0-9a-fA-F]{16})\Z")

#: Seconds since the epoch: transactions count minutes from 1900 in 32 bits.
_LATEST = 1.8e11

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
    found = _TID.match(text)
    if found:
        return found[1].lower()
    try:
        return tid_of(dt.datetime.fromisoformat(text).timestamp())
    except (OSError, OverflowError, ValueError):
        raise UsageError(
            f"{text!r} is not a time.",
            "Write it as in 2026-11-23T14:30 (local time) or 2026-11-23T13:30Z, or "
            "give a transaction id of 16 hexadecimal digits.",
        ) from None


def tid_of(seconds: float) -> str:
    """Return the transaction id of a commit at that time, since the epoch.

    :raises OverflowError: it is so late that no transaction can have it.
    """
    from persistent.TimeStamp import TimeStamp

    if seconds > _LATEST:
        raise OverflowError(seconds)
    parts = time.gmtime(seconds)
    stamp = TimeStamp(*parts[:5], parts.tm_sec + seconds % 1)
    return str(stamp.raw().hex())


def time_of(tid: str) -> float:
    """Return when a transaction was committed, seconds since the epoch."""
    from persistent.TimeStamp import TimeStamp

    return float(TimeStamp(bytes.fromhex(tid)).timeTime())


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
