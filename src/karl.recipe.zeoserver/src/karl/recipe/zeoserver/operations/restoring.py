"""A new database copy from a backup; no file that is there is ever written to.

The backup may be another storage's: of that one nothing is changed, and it may be
served and backed up meanwhile.  Only its old backups are not removed until the copy
is made.  The copy has no file in common with the backup, and is withheld: it is not
served until somebody says that what must not be seen is gone from it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from karl.recipe.release.base.errors import KarlError, UsageError
from karl.recipe.release.base.locks import sharing
from karl.recipe.zeoserver.backups import chains, materialise, moments, picking
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.backups.picking import Choice
from karl.recipe.zeoserver.databases import tids
from karl.recipe.zeoserver.databases.periods import Periods, upto
from karl.recipe.zeoserver.databases.state import CopyState
from karl.recipe.zeoserver.layouts.copy import CopyLayout
from karl.recipe.zeoserver.operations import placing, repository, space
from karl.recipe.zeoserver.operations.plans import Plan
from karl.recipe.zeoserver.operations.retirement import remove_copy, retire_copy
from karl.recipe.zeoserver.operations.staging import told
from karl.recipe.zeoserver.operations.storage import Change, Storage, changing
from karl.recipe.zeoserver.operations.words import megabytes
from karl.recipe.zeoserver.servers import ends


@dataclass(frozen=True)
class Wish:
    """What is to be restored.

    :ivar to_new_copy: must be said: there is no other way.
    :ivar at: the time or the transaction id to go back to; None: the newest backup.
    :ivar backup: its name, ``CHAIN/STAMP``; otherwise whichever will do.
    :ivar source: the storage whose backup it is; empty: the same.
    :ivar again: copies that are withheld make way first.
    """

    to_new_copy: bool
    at: str | None = None
    backup: str = ""
    source: str = ""
    again: bool = False


def choose(
    storage: Storage, found: tuple[Chain, ...], at: str | None, backup: str
) -> Choice:
    """Return the backup to restore.

    :param at: a time or a transaction id; None: the newest.
    :param backup: its name; empty: whichever has that time.
    :raises UsageError: both are given.
    :raises RefusedError: there is none.
    """
    if at is not None and backup:
        raise UsageError(
            "Say --at or --backup, not both.", "zeoctl backups lists what there is."
        )
    if backup:
        return Choice(*chains.find(found, backup), None)
    if at is None:
        return picking.pick(found, None)
    return picking.pick(found, moments.parse(at), known(storage, found))


def known(storage: Storage, found: tuple[Chain, ...]) -> Mapping[str, Periods]:
    """Return, by chain, when the site used what it holds, as is known now.

    That is known of chains whose database copy is still there, and has nothing
    that was not backed up.
    """
    state, now = storage.state(), tids.of_time(time.time())
    told = {}
    for chain in found:
        copy = state.copies.get(chain.newest.copy) if chain.units else None
        if copy is None:
            continue
        with contextlib.suppress(KarlError, OSError):
            end = ends.end_of_copy(storage.central, storage.name, state, copy.number)
            if end == chain.newest.until:
                told[chain.stamp] = upto(copy.periods, now)
    return told


def restore(
    storage: Storage, wish: Wish, *, dry_run: bool = False, wait: float = 0.0
) -> dict[str, Any]:
    """Make a new copy from a backup and check it.

    :raises UsageError: the new copy was not said, or the time is none.
    :raises RefusedError: there is no such backup, or no room.
    :raises DamagedError: the backup is damaged; there is no new copy then.
    """
    if not wish.to_new_copy:
        raise UsageError(
            "A backup is only ever restored to a new database copy, never over one "
            "that is there.",
            f"zeoctl restore {storage.name} --to-new-copy",
        )
    origin = _origin(storage, wish.source)
    if dry_run:
        return _planned(storage, origin, wish)[0].rehearsed()
    name = storage.name
    with changing(storage, "restore", f"restore a backup of {name}", wait) as change:
        # Once before, so that no folder is made for a lock where nothing is.
        _planned(storage, origin, wish)
        with _keeping_backups(storage, origin):
            decided, choice = _planned(storage, origin, wish)
            for number in decided.facts["removed"]:
                retire_copy(change, number)
                remove_copy(change, number)
            copy = _apply(change, decided.facts["number"], choice, wish.source)
    return decided.done(**_told(storage, copy))


def _origin(storage: Storage, source: str) -> Storage:
    """Return the storage whose backup it is.

    :raises UsageError: there is none of that name, or it is this one.
    """
    if not source:
        return storage
    known = storage.central.storages
    if source not in known or source == storage.name:
        others = ", ".join(sorted(set(known) - {storage.name})) or "none"
        raise UsageError(
            f"There is no other storage {source}; there are: {others}.",
            "Its own backups are restored without --from.",
        )
    return dataclasses.replace(storage, name=source)


@contextlib.contextmanager
def _keeping_backups(storage: Storage, origin: Storage) -> Iterator[None]:
    """Keep another storage's backups from being removed; our lock keeps our own."""
    if origin.name == storage.name:
        yield
        return
    with sharing(origin.places.repository.in_use, lambda: None):
        yield


def _planned(storage: Storage, origin: Storage, wish: Wish) -> tuple[Plan, Choice]:
    ours, state = repository.load(storage), storage.state()
    foreign = origin.name != storage.name
    found = repository.load(origin) if foreign else ours
    choice = choose(origin, found, wish.at, wish.backup)
    number = placing.next_number(storage, state, ours)
    target = storage.places.copy(number)
    need = materialise.space_needed(choice.chain, choice.unit, target, link=not foreign)
    space.check(storage.places.databases, need, "restore a backup")
    until = f", up to transaction {choice.until}" if choice.until else ""
    whose = f" of {origin.name}" if foreign else ""
    taken = f"{choice.unit.name}{whose}{until}: about {megabytes(need)}"
    withheld = [copy.number for copy in state.copies.values() if copy.withheld]
    removed = withheld if wish.again else []
    plan = Plan(
        (
            *(f"retire and remove database copy {each}" for each in removed),
            f"make database copy {number} from backup {taken}",
            "check every record and blob of it",
        ),
        {
            "number": number,
            "backup": choice.unit.name,
            "until": choice.until,
            "data": str(target.data),
            "removed": removed,
        },
    )
    return plan, choice


def _apply(change: Change, number: int, choice: Choice, source: str) -> CopyState:
    storage = change.storage
    copy = dataclasses.replace(
        placing.new_copy(number, "restore"),
        # The numbers and times of another storage's copies say nothing here.
        parent=None if source else choice.unit.copy,
        backup=choice.unit.name,
        source=source,
        withheld=bool(source),
    )

    def fill(layout: CopyLayout) -> CopyState:
        end = materialise.materialise(
            choice.chain,
            choice.unit,
            layout,
            storage.reporter,
            until=choice.until,
            link=not source,
        )
        periods = () if source else upto(choice.unit.periods, end.tid)
        return dataclasses.replace(
            copy, position=end.position, tid=end.tid, periods=periods
        )

    return placing.place(change, copy, fill)


def _told(storage: Storage, copy: CopyState) -> dict[str, Any]:
    """Return the result: what was made, and what can be done with it."""
    name, number = storage.name, copy.number
    serve = f"zeoctl serve {name} {number} --read-only"
    adopt = f"zeoctl adopt {name} {number}"
    made = f"Database copy {number} is restored from backup {copy.backup}"
    if copy.source:
        text = (
            f"{made} of {copy.source} and checked. It has that site's data, so that it "
            f"is not served yet; once they are scrubbed: {serve} --scrubbed."
        )
        serve, adopt = f"{serve} --scrubbed", f"{adopt} --discard-writes"
    else:
        text = (
            f"{made} and checked. To look at it: {serve}. To make it live then: "
            f"{adopt}."
        )
    facts = {**told(storage, copy), "source": copy.source or None}
    return {
        "text": text,
        "commands": [serve, adopt],
        **facts,
        "withheld": copy.withheld,
    }
