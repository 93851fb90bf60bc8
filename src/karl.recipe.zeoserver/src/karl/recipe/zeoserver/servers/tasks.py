"""What a server process is to serve, and whether it can."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import Any

from ZEO.runzeo import ZEOOptions

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import (
    BusyError,
    DamagedError,
    PrerequisiteError,
    RefusedError,
    UsageError,
)
from karl.recipe.zeoserver.databases import inplace, packing, records, unfinished
from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.databases.state import CopyState
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.layouts.copy import CopyLayout
from karl.recipe.zeoserver.layouts.storage import StorageLayout
from karl.recipe.zeoserver.rendering import zeoconf

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """What is to be served, and where."""

    central: Central
    name: str
    side: str
    copy: CopyState

    @property
    def places(self) -> StorageLayout:
        """The places of the storage."""
        return self.central.storage_places(self.name)

    @property
    def copy_places(self) -> CopyLayout:
        """The places of the database copy."""
        return self.places.copy(self.copy.number)


def decide(central: Central, name: str, side: str) -> Task:
    """Return what is to be served on *side*; what a crash left is put right.

    :raises RefusedError: nothing is, or the database is missing, or elsewhere.
    :raises BusyError: another process has the database open.
    :raises DamagedError: the file is no database, or not whole.
    """
    state = states.load(central.storage_places(name))
    if side not in state.serving:
        raise RefusedError(
            f"{name} serves nothing on side {side}.",
            f"Serve a database copy first: zeoctl serve {name} NUMBER.",
        )
    task = Task(central, name, side, state.copy(state.serving[side]))
    _check_data(task)
    return task


def _check_data(task: Task) -> None:
    """Refuse what FileStorage would take for a new database, and make empty."""
    copy = task.copy_places
    for sentence in packing.mend(copy):
        _logger.warning(sentence)
    if not copy.data.is_file():
        raise RefusedError(
            f"{copy.data} is missing.",
            f"Restore a backup: zeoctl restore {task.name} --to-new-copy.",
        )
    inplace.check(copy)
    with copy.data.open("rb") as stream:
        if not records.is_data(stream.fileno()):
            raise damaged(task, "it does not begin as a database does")
    try:
        if sentence := unfinished.cut(copy):
            _logger.warning(sentence)
    except RefusedError:
        raise taken(task) from None


def taken(task: Task) -> BusyError:
    """Return the error of a database that another process has open."""
    return BusyError(
        f"Another process has {task.copy_places.data} open.",
        "Stop it first; fuser tells which it is.",
    )


def damaged(task: Task, reason: object) -> DamagedError:
    """Return the error of a database that cannot be served."""
    return DamagedError(
        f"{task.copy_places.data} cannot be opened: {reason}.",
        f"Leave the file as it is and restore a backup: zeoctl restore {task.name} "
        "--to-new-copy.",
    )


class _Options(ZEOOptions):  # type: ignore[misc]  # ZEO has no types
    def usage(self, msg: object) -> None:
        """Raise what is wrong instead of ending the process."""
        raise UsageError(
            f"The configuration {self.configfile} is wrong: {msg}.",
            "Correct the storage's section, zeo-conf-additional first of all, and "
            "run the buildout again.",
        )


def options_of(task: Task) -> Any:
    """Write the configuration of the server, and return it as ZEO reads it.

    :raises PrerequisiteError: a certificate or key is missing.
    :raises UsageError: ZEO does not understand it.
    """
    _check_certificates(task)
    path = task.central.places.zeo_conf(task.name, task.side)
    files.write_if_changed(
        path,
        zeoconf.render(
            task.central,
            task.name,
            task.side,
            task.copy.number,
            read_only=task.copy.read_only,
        ),
    )
    options = _Options()
    try:
        options.realize(["-C", str(path)])
    except OSError as error:
        raise UsageError(
            f"The configuration {path} cannot be used: {error}.",
            "Check the certificates and keys that the storage's section names.",
        ) from None
    return options


def _check_certificates(task: Task) -> None:
    """Refuse what ZEO would blame on the configuration."""
    declared = task.central.storages[task.name]
    if declared.tls is None or declared.addresses[task.side].path:
        return
    for path in declared.tls.files:
        if not os.access(path, os.R_OK):
            there = os.path.lexists(path)
            raise PrerequisiteError(
                f"{path} {'cannot be read' if there else 'is missing'}, which TLS of "
                f"{task.name} needs.",
                "Give it to the user whom the servers run as."
                if there
                else "Put it there; zeoctl certificate can make one.",
            )
