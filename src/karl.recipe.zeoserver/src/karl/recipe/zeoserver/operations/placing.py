"""A new database copy: made apart, then there with its number, whole."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable
from typing import Any

from karl.recipe.release.base import files
from karl.recipe.zeoserver.backups import chains
from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.databases import tids
from karl.recipe.zeoserver.databases.periods import Period, begun
from karl.recipe.zeoserver.databases.state import CopyState, Status, StorageState
from karl.recipe.zeoserver.layouts.copy import CopyLayout
from karl.recipe.zeoserver.operations import repository
from karl.recipe.zeoserver.operations.storage import Change, Storage
from karl.recipe.zeoserver.servers import processes, supervisor

#: Origins of copies that become live where nothing is.
_ENTERING = ("init", "import")

#: Fills the folder of a new copy; returns what is then known of the copy.
Fill = Callable[[CopyLayout], CopyState]


def next_number(
    storage: Storage, state: StorageState, found: Iterable[chains.Chain]
) -> int:
    """Return the number of the next copy; chains tell which were backed up."""
    backed_up = (unit.copy for chain in found for unit in chain.units)
    return states.next_number(storage.places, state, backed_up)


def new_copy(number: int, origin: str, status: Status = Status.READY) -> CopyState:
    """Return what is known of a copy that is about to be made."""
    return CopyState(number, status, origin, time.time())


def place(change: Change, copy: CopyState, fill: Fill) -> CopyState:
    """Make a copy; it is known once it is whole.

    If the command is killed in between, the next one removes the folder.
    """
    storage = change.storage
    target = storage.places.copy(copy.number)
    files.make_private_directory(storage.places.databases)
    change.step("fill", number=copy.number)
    with files.new_tree(target.root) as folder:
        made = fill(CopyLayout(folder))
        change.step("place", number=copy.number)
    state = storage.state()
    change.save(enter(state, _of_the_site(storage, state, made)))
    return storage.state().copy(copy.number)


def _of_the_site(storage: Storage, state: StorageState, copy: CopyState) -> CopyState:
    """Return a new copy with the periods in which the site used what it holds.

    The first database that a storage has brings the site's history with it.
    """
    if copy.origin not in _ENTERING or state.live is not None:
        return copy
    brought = not state.last and not repository.load(storage)
    since = (Period(tids.BEGINNING, copy.tid),) if brought and copy.tid else ()
    moment = max(tids.of_time(time.time()), copy.tid)
    return dataclasses.replace(copy, periods=begun(since, moment))


def enter(state: StorageState, copy: CopyState) -> StorageState:
    """Return the state with a new copy in it.

    Of a storage where nothing is live, a new or imported copy becomes live.
    """
    if copy.origin not in _ENTERING or state.live is not None:
        return state.with_copy(copy)
    live = dataclasses.replace(copy, status=Status.LIVE, adopted_tid=copy.tid)
    return state.with_copy(live).with_serving(state.free_side(), copy.number)


def entering(state: StorageState, number: int) -> tuple[str, ...]:
    """Return what else will be done when a new or imported copy is there."""
    if state.live is not None:
        return ()
    return (f"make it live and serve it on address {state.free_side()}",)


def serve_if_live(storage: Storage, copy: CopyState) -> dict[str, Any]:
    """Have a copy that became live served, if the servers run; tell what is next."""
    name = storage.name
    if copy.status is not Status.LIVE:
        commands = [
            f"zeoctl serve {name} {copy.number}",
            f"zeoctl adopt {name} {copy.number}",
        ]
        return {
            "text": f"Database copy {copy.number} is ready. To make it live: "
            f"{', '.join(commands)}.",
            "commands": commands,
        }
    state = storage.state()
    side = state.side_of(copy.number)
    processes.apply_programs(storage.central, name, state, storage.reporter)
    if side is None or not supervisor.runs(storage.central):
        return {
            "text": f"Database copy {copy.number} is live, but no servers run. To "
            "start them: zeoctl start --all.",
            "commands": ["zeoctl start --all"],
        }
    processes.wait_until_serving(storage.central, name, side, copy.number)
    return {
        "text": f"Database copy {copy.number} is live and served. What the site "
        f"needs to reach it: zeoctl client-conf {name}.",
        "commands": [f"zeoctl client-conf {name}"],
    }
