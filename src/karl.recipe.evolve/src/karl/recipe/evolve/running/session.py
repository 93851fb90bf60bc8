"""One connection to the database that evolves, and its transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import transaction

from karl.recipe.evolve.running.errors import UsageError
from karl.recipe.evolve.running.events import Listener, silent

#: What the cache may keep between two batches: objects, and bytes as stored.
CACHE_OBJECTS = 10_000
CACHE_BYTES = 32 << 20


@dataclass
class Stop:
    """Whether the process was asked to end.

    :param requested: it was; what runs ends after the object in its hands.
    :param uninterruptible: a plain function runs, which cannot end in between.
    """

    requested: bool = False
    uninterruptible: bool = False


@dataclass
class Session:
    """A connection whose transactions are those of the thread.

    Plain functions may use the ``transaction`` module themselves.

    :param connection: ZODB's connection.
    :param tell: who is told what happens.
    :param stop: looked at after every object.
    :param context: the key in the root of what plain functions are called with; empty
        for the root itself.
    """

    connection: Any
    tell: Listener = silent
    stop: Stop = field(default_factory=Stop)
    context: str = ""

    @property
    def root(self) -> Any:
        """The root of the database."""
        return self.connection.root()

    @property
    def argument(self) -> Any:
        """What plain functions are called with.

        :raises UsageError: the root has nothing under the key.
        """
        if not self.context:
            return self.root
        try:
            return self.root[self.context]
        except KeyError as error:
            raise UsageError(
                f"The root of the database has no {self.context!r}.",
                f"It has {', '.join(map(str, self.root)) or 'nothing'}.",
            ) from error

    def begin(self) -> None:
        """Begin a transaction, with the present state of the database."""
        transaction.begin()

    def commit(self, note: str) -> None:
        """Commit with a *note* for the database's history; shrink the cache."""
        transaction.get().note(note)
        transaction.commit()
        self.connection.cacheGC()

    def abort(self) -> None:
        """Throw away what is not committed; shrink the cache."""
        transaction.abort()
        self.connection.cacheGC()

    @property
    def loaded(self) -> int:
        """Bytes of the objects in memory, as stored."""
        size: int = self.connection._cache.total_estimated_size  # noqa: SLF001
        return size


@contextmanager
def session_of(
    database: Any,
    tell: Listener = silent,
    stop: Stop | None = None,
    context: str = "",
) -> Iterator[Session]:
    """Open a session on *database* (a ``ZODB.DB``), and abort what is left of it."""
    database.setCacheSize(CACHE_OBJECTS)
    database.setCacheSizeBytes(CACHE_BYTES)
    transaction.abort()
    connection = database.open()
    session = Session(connection, tell, stop or Stop(), context)
    try:
        yield session
    finally:
        transaction.abort()
        connection.close()
