"""Refusing commits to a database copy, and accepting them again.

The state is changed first, then the server: a server that is started, or killed
and started again, has the mode that the state says.  Only the lock of the modes is
taken, so that neither a backup nor a pack delays it.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from karl.recipe.release.base.errors import (
    DamagedError,
    RefusedError,
    UnreachableError,
)
from karl.recipe.release.base.journal import Journal
from karl.recipe.zeoserver.databases import datafs
from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.databases.datafs import End
from karl.recipe.zeoserver.databases.state import (
    CopyState,
    Status,
    StorageState,
    mode_of,
)
from karl.recipe.zeoserver.operations.plans import Plan
from karl.recipe.zeoserver.operations.storage import Storage, holding_modes
from karl.recipe.zeoserver.servers import control

#: What is never written to again, and what to do instead.
_KEPT_AS_THEY_ARE = {
    Status.FORMER: "It is there to go back to: zeoctl adopt {name} {number}.",
    Status.RETIRED: "Restore a backup to a new copy: zeoctl restore {name} "
    "--to-new-copy.",
}


def plan(
    name: str, state: StorageState, number: int | None, *, read_only: bool
) -> Plan:
    """Decide whose commits are refused, or accepted.

    :param number: of the copy; None: the live one.
    :raises RefusedError: there is no such copy, or it stays as it is.
    """
    copy = state.the_live(name) if number is None else state.copy(number)
    if not read_only and copy.status in _KEPT_AS_THEY_ARE:
        raise RefusedError(
            f"Database copy {copy.number} of {name} is {copy.status.value}; it stays "
            "read-only.",
            _KEPT_AS_THEY_ARE[copy.status].format(name=name, number=copy.number),
        )
    mode = mode_of(read_only=read_only)
    facts = {
        "number": copy.number,
        "mode": mode,
        "side": state.side_of(copy.number),
    }
    if copy.read_only == read_only:
        return Plan((), facts)
    verb = "refuse" if read_only else "accept"
    return Plan((f"{verb} commits to database copy {copy.number}",), facts)


def set_mode(
    storage: Storage,
    *,
    read_only: bool,
    number: int | None = None,
    bound: float | None = None,
    dry_run: bool = False,
    wait: float = 0.0,
) -> dict[str, Any]:
    """Refuse commits to a copy, or accept them; nobody is disconnected.

    When this returns, no commit is in flight.  A copy that is so already is told
    to its server once more.

    :param number: of the copy; None: the live one.
    :param bound: seconds that commits in flight have to end; None: as declared.
    :param wait: seconds to wait for a command that changes modes too.
    :raises RefusedError: the copy stays as it is, or its server serves another.
    :raises UnreachableError: there is a server, but it does not answer; the state
        has the mode, so that the server has it when it is started again.
    :raises BusyError: such a command is under way.
    """
    name, places = storage.name, storage.places
    if dry_run:
        return plan(name, storage.state(), number, read_only=read_only).rehearsed()
    verb = mode_of(read_only=read_only)
    with holding_modes(places, f"make {name} {verb}", wait):
        state = storage.state()
        decided = plan(name, state, number, read_only=read_only)
        copy = state.copy(decided.facts["number"])
        journal = Journal(places.journal)
        journal.append("mode", verb=verb, number=copy.number, pid=os.getpid())
        if decided.steps:
            states.save(
                places, state.with_copy(dataclasses.replace(copy, read_only=read_only))
            )
        limit = storage.declared.drain_timeout if bound is None else bound
        served, end = _tell(storage, state, copy, read_only=read_only, bound=limit)
        journal.append("mode set", verb=verb, number=copy.number, tid=end.tid)
    how = "" if served else ", from its server's next start"
    return decided.done(
        f"Database copy {copy.number} is {verb}{how}; its last transaction is "
        f"{end.tid or 'not known'}.",
        served=served,
        tid=end.tid or None,
        position=end.position if end.tid else None,
    )


def _tell(
    storage: Storage,
    state: StorageState,
    copy: CopyState,
    *,
    read_only: bool,
    bound: float,
) -> tuple[bool, End]:
    """Tell the server; return whether there is one, and the end of the copy."""
    side = state.side_of(copy.number)
    if side is not None:
        found = control.status(storage.places, side)
        if found is not None:
            if found.copy != copy.number:
                raise UnreachableError(
                    f"The server on side {side} serves database copy {found.copy} "
                    f"still, not {copy.number}.",
                    f"Restart it: zeoctl restart {storage.name}.",
                )
            found = control.set_mode(
                storage.places, side, read_only=read_only, bound=bound
            )
            return True, End(found.position, found.tid)
    return False, _end_on_disk(storage, copy)


def _end_on_disk(storage: Storage, copy: CopyState) -> End:
    """Return the end of a copy that nobody serves; an unknown one if it is damaged."""
    try:
        return datafs.end_of(storage.places.copy(copy.number).data)
    except (DamagedError, OSError) as error:
        storage.reporter.warn(
            f"The mode is set, but database copy {copy.number} of {storage.name} "
            f"cannot be read: {error}"
        )
        return End(0, "")
