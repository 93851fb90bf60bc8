"""Retiring copies that are not needed any more, and removing retired ones."""

from __future__ import annotations

import dataclasses
from typing import Any

from karl.recipe.release.base import files
from karl.recipe.zeoserver.databases.state import CopyState, Status, StorageState
from karl.recipe.zeoserver.operations import rules
from karl.recipe.zeoserver.operations.plans import Plan
from karl.recipe.zeoserver.operations.serving import end_serving
from karl.recipe.zeoserver.operations.storage import Change, Storage, changing


def plan_retiring(name: str, state: StorageState, number: int) -> Plan:
    """Decide how a copy is retired.

    :raises RefusedError: it is live.
    """
    copy = state.copy(number)
    rules.check_copy("retire", name, copy)
    facts = {"number": number, "status": Status.RETIRED.value}
    if copy.status is Status.RETIRED:
        return Plan((), facts)
    side = state.side_of(number)
    ending = (f"stop serving copy {number} on address {side}",) if side else ()
    return Plan((*ending, f"retire database copy {number}"), facts)


def retire(
    storage: Storage, number: int, *, dry_run: bool = False, wait: float = 0.0
) -> dict[str, Any]:
    """Stop serving a copy for good; its files stay until it is pruned.

    :raises RefusedError: it is live.
    """
    name = storage.name
    if dry_run:
        return plan_retiring(name, storage.state(), number).rehearsed()
    with changing(
        storage, "retire", f"retire a copy of {name}", wait, copy=number
    ) as change:
        plan = plan_retiring(name, storage.state(), number)
        if plan.steps:
            retire_copy(change, number)
    return plan.done(
        f"Database copy {number} is retired; zeoctl prune {name} removes its files."
    )


def retire_copy(change: Change, number: int) -> None:
    """Retire a copy, as a step of a change."""
    end_serving(change, number)
    state = change.storage.state()
    copy = dataclasses.replace(
        state.copy(number), status=Status.RETIRED, read_only=True
    )
    change.step("retire", number=number)
    change.save(state.with_copy(copy))


def choose(
    name: str, state: StorageState, *, keep: int, number: int | None
) -> tuple[CopyState, ...]:
    """Return the retired copies to remove, oldest first.

    :param keep: how many of the newest stay.
    :param number: the only one to remove.
    :raises RefusedError: the one that is named is not retired.
    """
    if number is not None:
        rules.check_copy("prune", name, state.copy(number))
        return (state.copy(number),)
    retired = sorted(
        (copy for copy in state.copies.values() if copy.status is Status.RETIRED),
        key=lambda copy: copy.number,
    )
    return tuple(retired[: max(0, len(retired) - keep)])


def prune(
    storage: Storage,
    *,
    keep: int = 1,
    number: int | None = None,
    dry_run: bool = False,
    wait: float = 0.0,
) -> dict[str, Any]:
    """Remove retired copies for good.

    :param keep: how many of the newest stay.
    :param number: the only one to remove.
    :raises RefusedError: the one that is named is not retired.
    """
    name = storage.name
    if dry_run:
        chosen = choose(name, storage.state(), keep=keep, number=number)
        return _plan(storage, chosen).rehearsed()
    with changing(storage, "prune", f"remove retired copies of {name}", wait) as change:
        chosen = choose(name, storage.state(), keep=keep, number=number)
        plan = _plan(storage, chosen)
        for copy in chosen:
            remove_copy(change, copy.number)
    gone = ", ".join(str(copy.number) for copy in chosen)
    return plan.done(f"Removed: {gone}." if gone else "There was nothing to remove.")


def remove_copy(change: Change, number: int) -> None:
    """Remove a retired copy, as a step of a change.

    It is out of the way under its number before its files go.
    """
    root = change.storage.places.copy(number).root
    change.step("remove", number=number)
    if root.exists():
        partial = files.partial_name(root)
        files.rename(root, partial)
        files.remove_tree(partial)
    change.save(change.storage.state().without_copy(number))


def _plan(storage: Storage, chosen: tuple[CopyState, ...]) -> Plan:
    places = storage.places
    return Plan(
        tuple(f"remove {places.copy(copy.number).root}" for copy in chosen),
        {"removed": [copy.number for copy in chosen]},
    )
