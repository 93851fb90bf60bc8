"""Starting and stopping the servers of a storage.

Neither changes the state: what is served is started again with supervisord.  Only
the lock of the modes is held, so that a long backup delays nothing; what a killed
command left is put right before a start, if nobody holds the storage's lock.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from karl.recipe.release.base.errors import (
    BusyError,
    DamagedError,
    UnfinishedError,
    UnreachableError,
)
from karl.recipe.release.base.journal import Journal
from karl.recipe.release.base.locks import locked
from karl.recipe.zeoserver.databases.state import StorageState
from karl.recipe.zeoserver.layouts.storage import SIDES
from karl.recipe.zeoserver.operations.packing import refuse_while_packing
from karl.recipe.zeoserver.operations.plans import Plan
from karl.recipe.zeoserver.operations.storage import Storage, changing, holding_modes
from karl.recipe.zeoserver.servers import processes, supervisor
from karl.recipe.zeoserver.servers.control import ServerStatus

#: Seconds that a server has to say whether it packs; one that hangs may be ended.
_PATIENCE = 5.0


def plan(verb: str, state: StorageState) -> Plan:
    """Decide which servers are started, stopped or restarted.

    :param verb: ``start``, ``stop`` or ``restart``.
    """
    return Plan(
        tuple(
            f"{verb} the server of database copy {number} on side {side}"
            for side, number in sorted(state.serving.items())
        )
    )


def start(
    storage: Storage, *, timeout: float, dry_run: bool = False, wait: float = 0.0
) -> dict[str, Any]:
    """Start the servers of a storage, and supervisord before, if it does not run.

    :param timeout: seconds that each server has until it serves.
    :raises UnreachableError: one does not serve; with its last output.
    """
    if dry_run:
        return plan("start", storage.state()).rehearsed()
    _put_right(storage)
    with _running(storage, "start", wait) as decided:
        supervisor.start(storage.central, storage.reporter)
        _apply(storage)
        for side in storage.state().serving:
            processes.start(storage.central, storage.name, side)
        found = _wait_for_all(storage, timeout)
    return _told(decided, found, "served")


def stop(
    storage: Storage, *, dry_run: bool = False, wait: float = 0.0
) -> dict[str, Any]:
    """Stop the servers of a storage, until they or supervisord are started.

    Where the state is damaged, whatever serves it is stopped.

    :raises BusyError: the storage is being packed.
    :raises UnfinishedError: a server runs on, and supervisord does not.
    """
    if dry_run:
        return plan("stop", _known(storage) or StorageState()).rehearsed()
    with _running(storage, "stop", wait) as decided:
        _refuse_while_packing(storage)
        supervised = supervisor.runs(storage.central)
        for side in SIDES:
            if supervised:
                processes.stop(storage.central, storage.name, side, storage.reporter)
            else:
                processes.end_orphan(storage.central, storage.name, side)
                _check_ended(storage, side)
    known = _known(storage)
    if known is None:
        return decided.done("What served it has ended. Its state is still damaged.")
    if not decided.steps:
        return decided.done("Nothing of it is served.")
    numbers = " and ".join(str(each) for each in sorted(known.serving.values()))
    return decided.done(f"The servers have ended; copy {numbers} is not served now.")


def _known(storage: Storage) -> StorageState | None:
    """Return the state; None: it is damaged."""
    try:
        return storage.state()
    except DamagedError:
        return None


def _check_ended(storage: Storage, side: str) -> None:
    """Assert that no server holds a side, as one does until it has ended.

    :raises UnfinishedError: one does.
    """
    lock = storage.places.serving_lock(side)
    if not lock.exists():
        return
    try:
        with locked(lock, f"see that nothing serves {storage.name}"):
            pass
    except BusyError as error:
        raise UnfinishedError(
            f"A server of {storage.name} runs on side {side} and does not answer: "
            f"{error.message}",
            "supervisord does not run. End that process, or start supervisord and stop "
            "again.",
        ) from None


def restart(
    storage: Storage, *, timeout: float, dry_run: bool = False, wait: float = 0.0
) -> dict[str, Any]:
    """Restart the servers of a storage, one after the other.

    Clients wait, and connect again by themselves.

    :param timeout: seconds that each server has until it serves.
    :raises BusyError: the storage is being packed.
    :raises UnreachableError: a server does not serve; with its last output.
    """
    if dry_run:
        return plan("restart", storage.state()).rehearsed()
    found = {}
    with _running(storage, "restart", wait) as decided:
        _refuse_while_packing(storage)
        supervisor.start(storage.central, storage.reporter)
        _apply(storage)
        for side, number in sorted(storage.state().serving.items()):
            processes.restart(storage.central, storage.name, side, storage.reporter)
            found[side] = processes.wait_until_serving(
                storage.central, storage.name, side, number, timeout
            )
    return _told(decided, found, "served anew")


def _put_right(storage: Storage) -> None:
    with (
        contextlib.suppress(BusyError),
        changing(storage, "start", f"start {storage.name}"),
    ):
        pass


@contextlib.contextmanager
def _running(storage: Storage, verb: str, wait: float) -> Iterator[Plan]:
    """Hold what keeps others from starting, stopping or switching servers."""
    with holding_modes(storage.places, f"{verb} {storage.name}", wait):
        journal = Journal(storage.places.journal)
        journal.append("running", verb=verb, pid=os.getpid())
        known = _known(storage) if verb == "stop" else storage.state()
        yield plan(verb, known or StorageState())
        journal.append("running done", verb=verb)


def _apply(storage: Storage) -> None:
    processes.apply_programs(
        storage.central, storage.name, storage.state(), storage.reporter
    )


def _wait_for_all(storage: Storage, timeout: float) -> dict[str, ServerStatus]:
    return {
        side: processes.wait_until_serving(
            storage.central, storage.name, side, number, timeout
        )
        for side, number in sorted(storage.state().serving.items())
    }


def _refuse_while_packing(storage: Storage) -> None:
    """Refuse to end a server that packs; one that hangs may be ended."""
    for side in SIDES:
        with contextlib.suppress(UnreachableError):
            refuse_while_packing(storage, (side,), _PATIENCE)


def _told(decided: Plan, found: dict[str, ServerStatus], how: str) -> dict[str, Any]:
    servers = [
        {"side": side, "number": each.copy, "pid": each.pid, "tid": each.tid}
        for side, each in found.items()
    ]
    told = [
        f"database copy {each.copy} is {how} on side {side}"
        for side, each in found.items()
    ]
    text = f"{' and '.join(told)}." if told else "Nothing of it is to be served."
    return decided.done(text[:1].upper() + text[1:], servers=servers)
