"""One storage as an operation sees it: locked, journalled, repaired."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from karl.recipe.release.base.errors import KarlError
from karl.recipe.release.base.journal import Journal
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.databases.state import StorageState
from karl.recipe.zeoserver.declaration.layout import StorageLayout
from karl.recipe.zeoserver.declaration.model import Central, StorageDeclaration
from karl.recipe.zeoserver.operations import recovery


@dataclass(frozen=True)
class Storage:
    """A declared storage, and whom to tell what is done to it."""

    central: Central
    name: str
    reporter: Reporter

    @property
    def declared(self) -> StorageDeclaration:
        """What the buildout says of it."""
        return self.central.storages[self.name]

    @property
    def places(self) -> StorageLayout:
        """Where everything of it is."""
        return self.central.storage_places(self.name)

    def state(self) -> StorageState:
        """Return what is true now."""
        return states.load(self.places)


@dataclass(frozen=True)
class Change:
    """A change of a storage that is under way: its lock is held."""

    storage: Storage
    verb: str
    journal: Journal

    def step(self, name: str, **details: Any) -> None:
        """Record, durably, that a step begins."""
        self.journal.append("step", verb=self.verb, step=name, **details)

    def save(self, state: StorageState) -> None:
        """Make *state* true."""
        states.save(self.storage.places, state)


@contextlib.contextmanager
def changing(
    storage: Storage, verb: str, purpose: str, wait: float = 0.0, **details: Any
) -> Iterator[Change]:
    """Hold the storage's one lock for a change, and record the change.

    What an earlier command left when it was killed is repaired first; what this
    one leaves if it fails, at its end.

    :param purpose: such as ``back up acme-prod``; told to whoever must wait.
    :param wait: seconds to wait for another command.
    :raises BusyError: another command changes the storage.
    """
    places = storage.places
    with locked(places.lock, purpose, wait):
        journal = Journal(places.journal)
        recovery.recover(storage.central, storage.name, journal, storage.reporter)
        journal.append("begin", verb=verb, pid=os.getpid(), **details)
        try:
            yield Change(storage, verb, journal)
        except BaseException as error:
            told = error.message if isinstance(error, KarlError) else repr(error)
            # A full disk must not hide what went wrong.
            with contextlib.suppress(OSError):
                journal.append("failed", verb=verb, error=told)
            with contextlib.suppress(OSError, KarlError):
                recovery.recover(
                    storage.central, storage.name, journal, storage.reporter
                )
            raise
        journal.append("end", verb=verb)
