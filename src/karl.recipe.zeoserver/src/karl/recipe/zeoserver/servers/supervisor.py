"""The interface of the supervisord that runs the servers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from karl.recipe.release.base import supervision
from karl.recipe.release.base.supervision import (
    ALREADY_ADDED,
    ALREADY_STARTED,
    BAD_NAME,
    NOT_RUNNING,
    PATIENCE,
    unless,
)
from karl.recipe.zeoserver.declaration.model import Central

__all__ = [
    "ALREADY_ADDED",
    "ALREADY_STARTED",
    "BAD_NAME",
    "NOT_RUNNING",
    "PATIENCE",
    "reached",
    "unless",
]


@contextlib.contextmanager
def reached(central: Central, patience: float = PATIENCE) -> Iterator[Any]:
    """Give supervisord's own interface.

    :raises UnreachableError: it does not run, or does not answer.
    :raises RefusedError: this user may not control it.
    """
    places = central.places
    with supervision.reached(
        places.supervisor_socket, "zeoctl start --all", places.supervisor_log, patience
    ) as proxy:
        yield proxy
