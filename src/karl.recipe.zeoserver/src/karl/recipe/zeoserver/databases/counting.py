"""The transactions that a Data.fs has beyond a point in time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from karl.recipe.release.base.errors import DamagedError

#: Bytes of FileStorage's magic number, of a length, and of a transaction id.
_MAGIC = 4
_LENGTH = 8


def transactions_beyond(data: Path, position: int, tid: str) -> Iterator[str]:
    """Yield the ids of the transactions after *tid*, from the end backwards.

    Costs a read for each of them, whatever the size of the file.

    :param position: where the last committed transaction ends.
    :param tid: 16 hexadecimal digits; empty: all of them.
    :raises DamagedError: the file is not made of transactions there.
    """
    with data.open("rb") as stream:
        while position > _MAGIC:
            position, found = _before(stream, data, position)
            if found <= tid:
                return
            yield found


def _before(stream: BinaryIO, data: Path, position: int) -> tuple[int, str]:
    """Return where the transaction that ends at *position* begins, and its id."""
    stream.seek(position - _LENGTH)
    length = int.from_bytes(stream.read(_LENGTH), "big")
    start = position - _LENGTH - length
    if start < _MAGIC:
        raise DamagedError(
            f"{data} is damaged: no transaction ends at byte {position}.",
            "Restore a backup to a new copy.",
        )
    stream.seek(start)
    return start, stream.read(_LENGTH).hex()
