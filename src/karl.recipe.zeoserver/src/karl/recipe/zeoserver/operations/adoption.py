"""Making another copy the live one, or going back: one change of the state.

At no moment are two copies writable: the live one is read-only before another
becomes live, and only then that one accepts writes.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import Any

from karl.recipe.release.base.errors import DamagedError, RefusedError
from karl.recipe.zeoserver.databases import opened, tids
from karl.recipe.zeoserver.databases.counting import transactions_beyond
from karl.recipe.zeoserver.databases.periods import begun, upto
from karl.recipe.zeoserver.databases.state import CopyState, Status, StorageState
from karl.recipe.zeoserver.operations import lineage, rules
from karl.recipe.zeoserver.operations.plans import Plan
from karl.recipe.zeoserver.operations.storage import Change, Storage, changing
from karl.recipe.zeoserver.servers import control, ends


@dataclass(frozen=True)
class Loss:
    """What the live copy has that the one to adopt has not.

    :ivar count: transactions; None: nothing is common, or it cannot be told, as the
        live copy is damaged.
    """

    count: int | None

    def __str__(self) -> str:
        if self.count is None:
            return "a history of its own, with transactions"
        return f"{self.count} transaction" + ("" if self.count == 1 else "s")


def plan(
    name: str, state: StorageState, number: int, loss: Loss, *, discard: bool
) -> Plan:
    """Decide how a copy becomes live.

    :param loss: what the live copy has beyond it.
    :param discard: the operator said that this may be given up.
    :raises RefusedError: the copy is not served, or writes would be lost.
    """
    copy = state.copy(number)
    rules.check_copy("adopt", name, copy)
    live = state.live
    facts = {
        "number": number,
        "previous": live.number if live else None,
        "discarded": loss.count,
    }
    if copy.status is Status.LIVE:
        return Plan((), {**facts, "previous": None, "discarded": 0})
    if state.side_of(number) is None:
        raise RefusedError(
            f"Database copy {number} of {name} is not served.",
            f"Serve it first: zeoctl serve {name} {number}.",
        )
    steps = (f"make database copy {number} live and writable",)
    if live is None:
        return Plan(steps, facts)
    if loss.count != 0 and not discard:
        raise _refusal(name, live, copy, loss)
    first = f"make database copy {live.number} read-only; it is kept as a former one"
    return Plan((first, *steps), facts)


def _refusal(name: str, live: CopyState, copy: CopyState, loss: Loss) -> RefusedError:
    tip = (
        f"To give that up: zeoctl adopt {name} {copy.number} --discard-writes; copy "
        f"{live.number} is kept."
    )
    if copy.status is Status.STAGED:
        tip = f"Catch up: zeoctl catch-up {name} {copy.number} --final. {tip}"
    return RefusedError(
        f"The live database copy {live.number} of {name} has {loss} that copy "
        f"{copy.number} has not.",
        tip,
    )


def adopt(
    storage: Storage,
    number: int,
    *,
    discard_writes: bool = False,
    dry_run: bool = False,
    wait: float = 0.0,
) -> dict[str, Any]:
    """Make a served copy the live one; the live one becomes a former one.

    :param discard_writes: also if the live copy has transactions that it has not.
    :param wait: seconds to wait for another command.
    :raises RefusedError: it is not served, or writes would be lost.
    :raises UnreachableError: its server does not answer.
    """
    name = storage.name
    if dry_run:
        return _observed(storage, number, discard=discard_writes).rehearsed()
    with changing(
        storage, "adopt", f"adopt a copy of {name}", wait, copy=number
    ) as change:
        decided = _observed(storage, number, discard=discard_writes)
        if not decided.steps:
            return decided.done(f"Database copy {number} is live already.")
        decided = _apply(change, number, discard=discard_writes)
    previous = decided.facts["previous"]
    kept = f"; copy {previous} is kept, read-only" if previous else ""
    return decided.done(f"Database copy {number} is live{kept}.")


def _observed(storage: Storage, number: int, *, discard: bool) -> Plan:
    state = storage.state()
    return plan(
        storage.name, state, number, lost(storage, state, number), discard=discard
    )


def lost(storage: Storage, state: StorageState, number: int) -> Loss:
    """Return what the live copy has now that another has not."""
    live, copy = state.live, state.copy(number)
    if live is None or live.number == number:
        return Loss(0)
    spans = lineage.lacking(state, live, copy)
    if spans is None:
        return Loss(None)
    if not spans:
        return Loss(0)
    try:
        end = ends.live_end(storage.central, storage.name, state)
        data = storage.places.copy(live.number).data
        first = min(span.after for span in spans)
        tids = tuple(transactions_beyond(data, end.position, first))
        return Loss(lineage.counted(spans, tids))
    except (DamagedError, OSError):
        return Loss(None)


def _apply(change: Change, number: int, *, discard: bool) -> Plan:
    storage = change.storage
    state = storage.state()
    _asked(storage, state, number)
    if state.live is not None:
        change.step(
            "freeze",
            old=state.live.number,
            new=number,
            was_read_only=state.live.read_only,
        )
        state = _freeze(change, state, state.live)
    # What was committed since the first look counts too.
    decided = _observed(storage, number, discard=discard)
    tid = _asked(storage, state, number).tid
    change.step("switch", new=number)
    moment = max(tids.of_time(time.time()), tid)
    change.save(switched(state, number, tid, moment))
    change.step("thaw", new=number)
    _set_mode(storage, number, read_only=False)
    return decided


def switched(state: StorageState, number: int, tid: str, moment: str) -> StorageState:
    """Return the state in which a copy is live and the live one a former one.

    :param tid: the last transaction of the copy; what it was when the copy was
        first adopted is kept, as what follows that are the site's own commits.
    :param moment: this moment as a transaction id, not before *tid*.
    """
    if state.live is not None:
        former = dataclasses.replace(
            state.live,
            status=Status.FORMER,
            read_only=True,
            periods=upto(state.live.periods, moment),
        )
        state = state.with_copy(former)
    copy = state.copy(number)
    live = dataclasses.replace(
        copy,
        status=Status.LIVE,
        read_only=False,
        adopted_tid=copy.adopted_tid or tid,
        periods=begun(copy.periods, moment),
    )
    return state.with_copy(live)


def _freeze(change: Change, state: StorageState, live: CopyState) -> StorageState:
    """Make the live copy read-only, first in the state, then in its server."""
    storage = change.storage
    state = state.with_copy(dataclasses.replace(live, read_only=True))
    change.save(state)
    side = state.side_of(live.number)
    if side is None or control.status(storage.places, side) is None:
        # Whatever starts it from now on starts it read-only.
        with opened.closed(storage.places.copy(live.number)):
            return state
    _set_mode(storage, live.number, read_only=True)
    return state


def _set_mode(storage: Storage, number: int, *, read_only: bool) -> None:
    side = storage.state().side_of(number)
    if side is not None:
        control.set_mode(
            storage.places,
            side,
            read_only=read_only,
            bound=storage.declared.drain_timeout,
        )


def _asked(storage: Storage, state: StorageState, number: int) -> control.ServerStatus:
    """Return what the server of a copy says.

    :raises RefusedError: it does not answer.
    """
    side = state.side_of(number)
    found = control.status(storage.places, side) if side else None
    if found is None or found.copy != number:
        raise RefusedError(
            f"The server of database copy {number} of {storage.name} does not answer.",
            f"See zeoctl status {storage.name} and zeoctl logs {storage.name}.",
        )
    return found
