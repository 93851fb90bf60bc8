"""A backup of the live copy as a step of another change: its lock is held."""

from __future__ import annotations

import time
from dataclasses import dataclass

from karl.recipe.zeoserver.backups import chains, planning, writing
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.backups.planning import BackupPlan, Kind, Source
from karl.recipe.zeoserver.backups.units import Unit
from karl.recipe.zeoserver.databases import tids
from karl.recipe.zeoserver.databases.periods import upto
from karl.recipe.zeoserver.databases.state import StorageState
from karl.recipe.zeoserver.operations import repository
from karl.recipe.zeoserver.operations.packing import refuse_while_packing
from karl.recipe.zeoserver.operations.storage import Change, Storage
from karl.recipe.zeoserver.servers import ends


@dataclass(frozen=True)
class Newest:
    """The newest backup of the live copy.

    :ivar made: it was made just now; otherwise nothing was committed since.
    """

    chain: Chain
    unit: Unit
    made: bool


def plan(
    storage: Storage,
    state: StorageState,
    *,
    held: bool,
    wanted: Kind = Kind.AUTOMATIC,
) -> BackupPlan:
    """Decide which backup of the live copy is to be made.

    :param held: a staged copy waits for it: no new chain.
    :raises RefusedError: nothing is live, or only a new chain could be made.
    """
    live = state.the_live(storage.name)
    places = storage.places
    now = time.time()
    moment = tids.of_time(now)
    end = ends.live_end(storage.central, storage.name, state)
    return planning.plan(
        repository.load(storage),
        Source(
            places.copy(live.number),
            live.number,
            end,
            upto(live.periods, max(moment, end.tid)),
        ),
        wanted,
        full_every=storage.declared.full_every,
        held=held,
        stamp=chains.next_stamp(places.repository, now),
        now=now,
    )


def back_up(
    change: Change,
    state: StorageState,
    *,
    held: bool,
    wanted: Kind = Kind.AUTOMATIC,
) -> Newest:
    """Back up what the live copy has now.

    :param held: a staged copy waits for it: no new chain.
    :raises BusyError: the server packs.
    :raises RefusedError: nothing is live, or only a new chain could be made.
    """
    storage = change.storage
    refuse_while_packing(storage, state.serving)
    decided = plan(storage, state, held=held, wanted=wanted)
    made = decided.kind is not Kind.UNCHANGED
    if made:
        change.step("backup", kind=decided.kind.value, stamp=decided.stamp)
        writing.write(storage.places.repository, decided, storage.reporter)
    found = chains.load(storage.places.repository)
    chain, unit = chains.find(found, decided.stamp)
    return Newest(chain, unit, made)
