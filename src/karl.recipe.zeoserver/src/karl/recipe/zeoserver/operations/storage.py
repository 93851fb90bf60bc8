"""One storage as an operation sees it: locked, journalled, repaired.

There are two locks.  The storage's lock is held by every command that changes it,
as long as that takes: a backup or a pack may take hours.  Commits must be refused
at once nevertheless, so that ``read-only`` and ``writable`` take another lock, that
of the modes; commands which change modes themselves, or what is served, hold both,
and the others take it only for the moment in which they change the state.
"""

from __future__ import annotations

import contextlib
import dataclasses
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
from karl.recipe.zeoserver.declaration.model import Central, StorageDeclaration
from karl.recipe.zeoserver.layouts.storage import StorageLayout
from karl.recipe.zeoserver.operations import recovery

#: Verbs during which modes may be changed; they never change one themselves.
_PATIENT = frozenset(
    {"backup", "import", "pack", "prune", "restore", "stage", "verify-backup"}
)

#: Seconds to wait for who changes modes: until commits in flight have ended.
_MODE_WAIT = 60.0


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
        places = self.storage.places
        if self.verb not in _PATIENT:
            states.save(places, state)
            return
        with holding_modes(places, f"record {self.verb}"):
            states.save(places, _with_modes_of(states.load(places), state))


def _with_modes_of(current: StorageState, new: StorageState) -> StorageState:
    """Return *new* with the modes that copies have got meanwhile."""
    for number, copy in current.copies.items():
        if number in new.copies:
            kept = dataclasses.replace(new.copy(number), read_only=copy.read_only)
            new = new.with_copy(kept)
    return new


@contextlib.contextmanager
def holding_modes(
    places: StorageLayout, purpose: str, wait: float = _MODE_WAIT
) -> Iterator[None]:
    """Keep the modes of a storage's copies, and what is served, from changing.

    :param purpose: told to whoever must wait.
    :param wait: seconds to wait for another command.
    :raises BusyError: another command changes them.
    """
    with locked(places.mode_lock, purpose, wait):
        yield


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
    journal = Journal(places.journal)

    def recover() -> None:
        recovery.recover(storage.central, storage.name, journal, storage.reporter)

    with contextlib.ExitStack() as held:
        held.enter_context(locked(places.lock, purpose, wait))
        with contextlib.ExitStack() as modes:
            modes.enter_context(holding_modes(places, purpose))
            recover()
            if verb not in _PATIENT:
                held.enter_context(modes.pop_all())
        journal.append("begin", verb=verb, pid=os.getpid(), **details)
        try:
            yield Change(storage, verb, journal)
        except BaseException as error:
            told = error.message if isinstance(error, KarlError) else repr(error)
            # A full disk must not hide what went wrong.
            with contextlib.suppress(OSError):
                journal.append("failed", verb=verb, error=told)
            with contextlib.suppress(OSError, KarlError):
                if verb in _PATIENT:
                    held.enter_context(holding_modes(places, purpose))
                recover()
            raise
        journal.append("end", verb=verb)
