"""Catching a staged copy up with the live one, by the increment and nothing more."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from karl.recipe.release.base.errors import DamagedError, RefusedError
from karl.recipe.zeoserver.backups import materialise
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.backups.units import Unit
from karl.recipe.zeoserver.databases import datafs
from karl.recipe.zeoserver.databases.datafs import End
from karl.recipe.zeoserver.databases.periods import upto
from karl.recipe.zeoserver.databases.state import CopyState, StorageState
from karl.recipe.zeoserver.operations import increments, rules
from karl.recipe.zeoserver.operations.plans import Plan
from karl.recipe.zeoserver.operations.staging import told
from karl.recipe.zeoserver.operations.storage import Change, Storage, changing
from karl.recipe.zeoserver.servers import control, ends


def plan(name: str, state: StorageState, number: int, *, final: bool) -> Plan:
    """Decide whether a copy can be caught up.

    :param final: nothing may be committed to the live copy any more.
    :raises RefusedError: it is not staged, it is served, or the live copy is not
        read-only though it has to be.
    """
    copy = state.copy(number)
    rules.check_copy("catch-up", name, copy)
    if state.side_of(number) is not None:
        raise RefusedError(
            f"Database copy {number} of {name} is served: it may have been written to.",
            f"Unserve it first: zeoctl unserve {name} {number}.",
        )
    live = state.live
    if live is None or live.number != copy.parent:
        raise RefusedError(
            f"Database copy {number} of {name} was staged from copy {copy.parent}, "
            "which is not live any more.",
            f"Stage anew: zeoctl stage {name} --again.",
        )
    if final and not live.read_only:
        raise RefusedError(
            f"Database copy {live.number} of {name} is writable: it would go on "
            "without the copy that is caught up.",
            f"First: zeoctl read-only {name}.",
        )
    return Plan(
        (
            f"back up what was committed to copy {live.number} since",
            f"add it to database copy {number}",
        ),
        {"number": number, "parent": live.number},
    )


def catch_up(
    storage: Storage,
    number: int,
    *,
    tid: str = "",
    final: bool = False,
    dry_run: bool = False,
    wait: float = 0.0,
) -> dict[str, Any]:
    """Bring a staged copy to the last transaction of the live one.

    :param tid: the transaction that it has to end with, 16 hexadecimal digits.
    :param final: the live copy is read-only, and both have to end alike.
    :raises RefusedError: the copy or the live one is not as it has to be.
    """
    name = storage.name
    if dry_run:
        state = storage.state()
        decided = plan(name, state, number, final=final)
        check_untouched(storage, state.copy(number))
        return decided.rehearsed()
    with changing(
        storage, "catch-up", f"catch up a copy of {name}", wait, copy=number
    ) as change:
        state = storage.state()
        decided = plan(name, state, number, final=final)
        check_untouched(storage, state.copy(number))
        if final:
            _check_refusing(storage, state)
        newest = increments.back_up(change, state, held=True)
        before = state.copy(number)
        copy = _append(change, before, due(before, newest.chain))
        _check_end(storage, copy, tid, final=final)
    added = copy.position - before.position
    writable = state.live is not None and not state.live.read_only
    more = " The live copy is writable, and goes on." if writable else ""
    return decided.done(
        f"Database copy {number} is caught up by {added} bytes to transaction "
        f"{copy.tid}.{more}",
        added=added,
        live_writable=writable,
        **told(storage, copy),
    )


def due(copy: CopyState, chain: Chain) -> Sequence[Unit]:
    """Return the backups after the one that a copy has.

    :raises RefusedError: the chain is not the one that it was made from.
    """
    names = [unit.name for unit in chain.units]
    if copy.backup not in names:
        raise RefusedError(
            f"Backup {copy.backup}, which database copy {copy.number} was made from, "
            f"is not in the newest chain {chain.stamp}.",
            "Stage anew: zeoctl stage --again.",
        )
    return chain.units[names.index(copy.backup) + 1 :]


def check_untouched(storage: Storage, copy: CopyState) -> None:
    """Refuse a copy that anybody wrote to; the time it takes is always the same.

    :raises RefusedError: it has not what it was made with, and nothing else.
    """
    data = storage.places.copy(copy.number).data
    try:
        same = (
            data.stat().st_size == copy.position
            and datafs.end_at(data, copy.position).tid == copy.tid
        )
    except (DamagedError, OSError):
        same = False
    if not same:
        raise RefusedError(
            f"Database copy {copy.number} of {storage.name} was written to since it "
            "was staged; nothing can be added to it.",
            f"Stage anew: zeoctl stage {storage.name} --again.",
        )


def _append(change: Change, copy: CopyState, units: Sequence[Unit]) -> CopyState:
    storage = change.storage
    layout = storage.places.copy(copy.number)
    for unit in units:
        change.step("append", number=copy.number, unit=unit.name, at=copy.position)
        end = materialise.append(unit, layout, End(copy.position, copy.tid))
        copy = dataclasses.replace(
            copy,
            position=end.position,
            tid=end.tid,
            backup=unit.name,
            periods=upto(unit.periods, end.tid),
        )
        change.save(storage.state().with_copy(copy))
    return copy


def _check_refusing(storage: Storage, state: StorageState) -> None:
    """Refuse if the live copy's server still takes commits."""
    side = state.side_of(state.live.number) if state.live else None
    found = control.status(storage.places, side) if side else None
    if found is not None and (not found.read_only or found.in_flight):
        raise RefusedError(
            f"The server of {storage.name} still takes commits.",
            f"Run zeoctl read-only {storage.name} and wait until it has ended.",
        )


def _check_end(storage: Storage, copy: CopyState, tid: str, *, final: bool) -> None:
    """Assert that the copy ends where it has to."""
    if tid and copy.tid != tid:
        raise RefusedError(
            f"Database copy {copy.number} ends with transaction {copy.tid}, not {tid}.",
            "Find out who committed since; nothing was lost.",
        )
    if not final:
        return
    live = ends.live_end(storage.central, storage.name, storage.state())
    if (live.position, live.tid) != (copy.position, copy.tid):
        raise RefusedError(
            f"The live copy ends with transaction {live.tid}, database copy "
            f"{copy.number} with {copy.tid}.",
            "Something was committed meanwhile: catch up again.",
        )
