"""A new, empty database."""

from __future__ import annotations

import dataclasses
from typing import Any

from karl.recipe.zeoserver.databases import datafs
from karl.recipe.zeoserver.databases.state import CopyState, StorageState
from karl.recipe.zeoserver.layouts.copy import CopyLayout
from karl.recipe.zeoserver.operations import placing, repository, rules
from karl.recipe.zeoserver.operations.plans import Plan
from karl.recipe.zeoserver.operations.staging import told
from karl.recipe.zeoserver.operations.storage import Storage, changing


def plan(name: str, state: StorageState, number: int, *, new_copy: bool) -> Plan:
    """Decide how an empty database comes to a storage.

    :param new_copy: also if the storage has a live one.
    :raises RefusedError: it has, and that was not said.
    """
    rules.check_storage("init", name, state, live_is_fine=new_copy)
    steps = (
        f"make database copy {number}, with a root object and nothing else",
        *placing.entering(state, number),
    )
    return Plan(steps, {"number": number})


def init(
    storage: Storage,
    *,
    new_copy: bool = False,
    dry_run: bool = False,
    wait: float = 0.0,
) -> dict[str, Any]:
    """Make an empty database; it becomes live if nothing is.

    :param new_copy: also if the storage has a live one, which stays so.
    :raises RefusedError: it has, and that was not said.
    :raises PrerequisiteError: the disk of its backups is not there, which tell what
        it had before.
    """
    name = storage.name
    if dry_run:
        return _planned(storage, new_copy=new_copy).rehearsed()
    with changing(storage, "init", f"make a database for {name}", wait) as change:
        decided = _planned(storage, new_copy=new_copy)
        fresh = placing.new_copy(decided.facts["number"], "init")

        def fill(layout: CopyLayout) -> CopyState:
            end = datafs.create_empty(layout)
            return dataclasses.replace(fresh, position=end.position, tid=end.tid)

        copy = placing.place(change, fresh, fill)
        served = placing.serve_if_live(storage, copy)
    return decided.done(**{**told(storage, copy), **served})


def _planned(storage: Storage, *, new_copy: bool) -> Plan:
    state = storage.state()
    found = repository.load(storage)
    number = placing.next_number(storage, state, found)
    return plan(storage.name, state, number, new_copy=new_copy)
