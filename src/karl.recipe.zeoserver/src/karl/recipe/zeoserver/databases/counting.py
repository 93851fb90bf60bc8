"""The transactions that a Data.fs has beyond a point in time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from karl.recipe.zeoserver.databases import records


def transactions_beyond(data: Path, position: int, tid: str) -> Iterator[str]:
    """Yield the ids of the transactions after *tid*, from the end backwards.

    Costs some reads for each of them, whatever the size of the file.

    :param position: where the last committed transaction ends.
    :param tid: 16 hexadecimal digits; empty: all of them.
    :raises DamagedError: the file is not made of transactions there.
    """
    with data.open("rb") as stream:
        while position > records.BEGINNING:
            header = records.header_before(stream.fileno(), position)
            if header is None:
                raise records.damaged(data, position, "no transaction ends")
            if (found := header.tid.hex()) <= tid:
                return
            yield found
            position = header.start
