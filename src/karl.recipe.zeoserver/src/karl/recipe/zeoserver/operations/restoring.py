"""A new database copy from a backup; no file that is there is ever written to."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from karl.recipe.release.base.errors import KarlError, UsageError
from karl.recipe.zeoserver.backups import chains, materialise, moments, picking
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.backups.picking import Choice
from karl.recipe.zeoserver.databases.periods import Periods, upto
from karl.recipe.zeoserver.databases.state import CopyState
from karl.recipe.zeoserver.declaration.layout import CopyLayout
from karl.recipe.zeoserver.operations import placing, repository, space
from karl.recipe.zeoserver.operations.plans import Plan, megabytes
from karl.recipe.zeoserver.operations.staging import told
from karl.recipe.zeoserver.operations.storage import Change, Storage, changing
from karl.recipe.zeoserver.servers import ends


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
    state, now = storage.state(), moments.tid_of(time.time())
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
    storage: Storage,
    *,
    to_new_copy: bool,
    at: str | None = None,
    backup: str = "",
    dry_run: bool = False,
    wait: float = 0.0,
) -> dict[str, Any]:
    """Make a new copy from a backup and check it.

    :param to_new_copy: must be said: there is no other way.
    :param at: the time or the transaction id to go back to.
    :param backup: ``CHAIN/STAMP``; otherwise the newest that will do.
    :raises UsageError: the new copy was not said, or the time is none.
    :raises RefusedError: there is no such backup, or no room.
    :raises DamagedError: the backup is damaged; there is no new copy then.
    """
    if not to_new_copy:
        raise UsageError(
            "A backup is only ever restored to a new database copy, never over one "
            "that is there.",
            f"zeoctl restore {storage.name} --to-new-copy",
        )
    name = storage.name
    if dry_run:
        return _planned(storage, at, backup)[0].rehearsed()
    with changing(storage, "restore", f"restore a backup of {name}", wait) as change:
        decided, choice = _planned(storage, at, backup)
        copy = _apply(change, decided.facts["number"], choice)
    commands = [
        f"zeoctl serve {name} {copy.number} --read-only",
        f"zeoctl adopt {name} {copy.number}",
    ]
    return decided.done(
        f"Database copy {copy.number} is restored from backup {copy.backup} and "
        f"checked. To look at it: {commands[0]}. To make it live then: {commands[1]}.",
        next=commands,
        **told(storage, copy),
    )


def _planned(storage: Storage, at: str | None, backup: str) -> tuple[Plan, Choice]:
    found = repository.load(storage)
    choice = choose(storage, found, at, backup)
    number = placing.next_number(storage, storage.state(), found)
    target = storage.places.copy(number)
    need = materialise.space_needed(choice.chain, choice.unit, target)
    space.check(storage.places.databases, need, "restore a backup")
    until = f", up to transaction {choice.until}" if choice.until else ""
    source = f"{choice.unit.name}{until}: about {megabytes(need)}"
    plan = Plan(
        (
            f"make database copy {number} from backup {source}",
            "check every record and blob of it",
        ),
        {"number": number, "backup": choice.unit.name, "until": choice.until},
    )
    return plan, choice


def _apply(change: Change, number: int, choice: Choice) -> CopyState:
    storage = change.storage
    copy = dataclasses.replace(
        placing.new_copy(number, "restore"),
        parent=choice.unit.copy,
        backup=choice.unit.name,
    )

    def fill(layout: CopyLayout) -> CopyState:
        end = materialise.materialise(
            choice.chain, choice.unit, layout, storage.reporter, until=choice.until
        )
        return dataclasses.replace(
            copy,
            position=end.position,
            tid=end.tid,
            periods=upto(choice.unit.periods, end.tid),
        )

    return placing.place(change, copy, fill)
