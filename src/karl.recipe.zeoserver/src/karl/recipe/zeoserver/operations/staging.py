"""A copy of the live database, made from its backup while it is in use."""

from __future__ import annotations

import dataclasses
from typing import Any

from karl.recipe.zeoserver.backups import materialise
from karl.recipe.zeoserver.databases.periods import upto
from karl.recipe.zeoserver.databases.state import CopyState, Status, StorageState
from karl.recipe.zeoserver.declaration.model import storage_name
from karl.recipe.zeoserver.layouts.copy import CopyLayout
from karl.recipe.zeoserver.operations import (
    increments,
    placing,
    repository,
    rules,
    space,
)
from karl.recipe.zeoserver.operations.increments import Newest
from karl.recipe.zeoserver.operations.plans import Plan
from karl.recipe.zeoserver.operations.retirement import remove_copy, retire_copy
from karl.recipe.zeoserver.operations.storage import Change, Storage, changing


def plan(
    name: str, state: StorageState, number: int, backup: str, *, again: bool
) -> Plan:
    """Decide how a copy is staged.

    :param number: the new copy's.
    :param backup: what the backup before it will be, a clause.
    :param again: a copy that is staged already makes way.
    :raises RefusedError: nothing is live, or a copy is staged already.
    """
    rules.check_storage("stage", name, state, staged_is_fine=again)
    dropped = [copy.number for copy in state.staged]
    return Plan(
        (
            *(f"retire and remove database copy {each}" for each in dropped),
            backup,
            f"make database copy {number} from the backup and check it",
        ),
        {"number": number, "removed": dropped},
    )


def stage(
    storage: Storage, *, again: bool = False, dry_run: bool = False, wait: float = 0.0
) -> dict[str, Any]:
    """Back up the live copy and make a new one from the backup.

    :param again: a copy that is staged already makes way first.
    :raises RefusedError: nothing is live, a copy is staged, or there is no room.
    """
    name = storage.name
    if dry_run:
        return _planned(storage, storage.state(), again=again).rehearsed()
    with changing(storage, "stage", f"stage a copy of {name}", wait) as change:
        decided = _planned(storage, storage.state(), again=again)
        for number in decided.facts["removed"]:
            retire_copy(change, number)
            remove_copy(change, number)
        copy = _apply(change, storage.state())
    return decided.done(
        f"Database copy {copy.number} is staged, from backup {copy.backup}.",
        number=copy.number,
        **told(storage, copy),
    )


def told(storage: Storage, copy: CopyState) -> dict[str, Any]:
    """Return what programs need to know of a copy."""
    places = storage.places.copy(copy.number)
    return {
        "status": copy.status.value,
        "backup": copy.backup or None,
        "position": copy.position,
        "tid": copy.tid,
        "parent": copy.parent,
        "data": str(places.data),
        "blobs": str(places.blobs),
        "database": storage_name(storage.name, copy.number),
    }


def _planned(storage: Storage, state: StorageState, *, again: bool) -> Plan:
    rules.check_storage("stage", storage.name, state, staged_is_fine=again)
    coming = increments.plan(storage, state, held=False)
    number = placing.next_number(storage, state, coming.before)
    what = f"back up the live copy ({coming.kind.value}: {coming.reason})"
    return plan(storage.name, state, number, what, again=again)


def _apply(change: Change, state: StorageState) -> CopyState:
    newest = increments.back_up(change, state, held=False)
    storage = change.storage
    known = repository.load(storage)
    number = placing.next_number(storage, state, known)
    target = storage.places.copy(number)
    space.check(
        storage.places.databases,
        materialise.space_needed(newest.chain, newest.unit, target),
        "make a copy",
    )
    copy = dataclasses.replace(
        placing.new_copy(number, "stage", Status.STAGED), parent=newest.unit.copy
    )
    return placing.place(
        change, copy, lambda layout: _filled(storage, newest, copy, layout)
    )


def _filled(
    storage: Storage, newest: Newest, copy: CopyState, layout: CopyLayout
) -> CopyState:
    end = materialise.materialise(newest.chain, newest.unit, layout, storage.reporter)
    return dataclasses.replace(
        copy,
        backup=newest.unit.name,
        position=end.position,
        tid=end.tid,
        periods=upto(newest.unit.periods, end.tid),
    )
