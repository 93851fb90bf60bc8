"""Servers that supervisord did not start: one left them that was killed.

Nobody starts them again, and nobody but us ends them.  Which process serves a side is
known from the lock that it holds, whether it answers or not.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from karl.recipe.release.base import locks
from karl.recipe.release.base.errors import UnfinishedError, UnreachableError
from karl.recipe.release.base.waiting import eventually, has_ended
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.rendering import supervisorconf
from karl.recipe.zeoserver.servers import control, supervisor

#: Seconds after which one that has not ended must answer, or is said to hang.
_MOMENT = 5.0


def is_orphan(central: Central, name: str, side: str, pid: int) -> bool:
    """Tell whether the server *pid* of a side is none that supervisord started."""
    program = supervisorconf.program(name, side)
    known = supervisor.known(central)
    return pid not in [each["pid"] for each in known if each["name"] == program]


def end(central: Central, name: str, side: str, bound: float) -> None:
    """End the server of *side* if supervisord did not start it.

    :param bound: seconds that it has: it saves its index.
    :raises UnfinishedError: it has not ended in time, or hangs.
    """
    pid = _serving(central, name, side)
    if pid is None or not is_orphan(central, name, side, pid):
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    if eventually(lambda: has_ended(pid), _MOMENT):
        return
    if _hangs(central, name, side) or not eventually(lambda: has_ended(pid), bound):
        raise UnfinishedError(
            f"The server of {name} on side {side}, process {pid} which supervisord "
            "did not start, was told to end and has not ended.",
            f"End it: kill -9 {pid}. What is committed stays.",
        )


def _serving(central: Central, name: str, side: str) -> int | None:
    """Return the process that serves a side; None: nobody does."""
    found = locks.holder(central.storage_places(name).serving_lock(side))
    pid = None if found is None else found.get("pid")
    return pid if isinstance(pid, int) and _is_runner(central, pid) else None


def _is_runner(central: Central, pid: int) -> bool:
    """Tell whether a process is a server: a number may be another's by now."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    runner = central.places.runner
    return {os.fsencode(runner), os.fsencode(runner.resolve())}.intersection(
        words
    ) != set()


def _hangs(central: Central, name: str, side: str) -> bool:
    try:
        control.status(central.storage_places(name), side, _MOMENT)
    except UnreachableError:
        return True
    return False
