"""Transaction ids as we write them: 16 hexadecimal digits, in the order of time."""

from __future__ import annotations

import re
import time

#: Before all transactions; the id where there is none yet.
BEGINNING = "0" * 16

#: After all transactions.
END = "f" * 16

_TID = re.compile(r"[0-9a-f]{16}\Z")

#: Seconds since the epoch: transactions count minutes from 1900 in 32 bits.
_LATEST = 1.8e11


def is_tid(text: str) -> bool:
    """Tell whether *text* is a transaction id as we write it."""
    return bool(_TID.match(text))


def spelled(text: str) -> str:
    """Return how we write what may be a transaction id with ``0x`` or capitals."""
    return text.lower().removeprefix("0x")


def of_time(seconds: float) -> str:
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
