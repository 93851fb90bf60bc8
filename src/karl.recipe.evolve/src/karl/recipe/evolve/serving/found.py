"""Processes of a site that are found, whoever started them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path

from karl.recipe.evolve.declaration.layout import EvolveLayout
from karl.recipe.evolve.declaration.model import MOST_WORKERS
from karl.recipe.evolve.serving import records
from karl.recipe.release.base.errors import UnfinishedError
from karl.recipe.release.base.unixhttp import Connection
from karl.recipe.release.base.waiting import eventually, has_ended

#: Seconds that a killed process has to be gone.
_LAST_MOMENTS = 5.0


def pid_of(places: EvolveLayout, number: int) -> int | None:
    """Return the process with a number; None: it does not run.

    It is what it said of itself, and listens on its own socket: another process
    that got its pid does not.
    """
    record = records.load(places.worker_record(number))
    if record is None or has_ended(record.pid):
        return None
    return record.pid if _listener(places.worker_socket(number)) == record.pid else None


def all_pids(places: EvolveLayout) -> list[int]:
    """Return every process of the site that runs."""
    numbers = range(1, MOST_WORKERS + 1)
    return [pid for number in numbers if (pid := pid_of(places, number)) is not None]


def end(pids: Iterable[int], seconds: float) -> None:
    """End processes, when they have answered their last requests.

    :param seconds: that they have for that; then they are killed.
    :raises UnfinishedError: one cannot be ended.
    """
    waiting = list(pids)

    def gone() -> bool:
        return all(map(has_ended, waiting))

    _signal(waiting, signal.SIGTERM)
    if not eventually(gone, seconds):
        _signal(waiting, signal.SIGKILL)
        if not eventually(gone, _LAST_MOMENTS):
            left = ", ".join(str(pid) for pid in waiting if not has_ended(pid))
            raise UnfinishedError(
                f"Processes of the site have not ended: {left}.", "See their logs."
            )


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _listener(socket: Path) -> int:
    """Return the process that listens on a socket; 0: none does."""
    connection = Connection(socket, 5.0)
    try:
        with contextlib.closing(connection):
            connection.connect()
            return connection.peer()
    except OSError:
        return 0
