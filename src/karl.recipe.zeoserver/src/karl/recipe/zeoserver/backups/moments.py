"""Points in time as operators write them, as transaction ids."""

from __future__ import annotations


def parse(text: str) -> str:
    """Return the transaction id, 16 hexadecimal digits, that *text* stands for.

    :param text: ISO 8601, in local time unless it names a zone; or a transaction
        id itself.
    :raises UsageError: it is neither.
    """
    raise NotImplementedError


def time_of(tid: str) -> float:
    """Return when a transaction was committed, seconds since the epoch."""
    raise NotImplementedError
