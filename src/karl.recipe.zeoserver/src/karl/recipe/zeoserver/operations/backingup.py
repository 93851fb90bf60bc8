"""The backup of a storage's live copy, and how many backups are kept."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from typing import Any

from karl.recipe.release.base.errors import DamagedError, KarlError
from karl.recipe.zeoserver.backups import chains, retention
from karl.recipe.zeoserver.backups.planning import Kind
from karl.recipe.zeoserver.backups.units import Unit
from karl.recipe.zeoserver.databases.state import Status, StorageState
from karl.recipe.zeoserver.operations import increments, sizes
from karl.recipe.zeoserver.operations.increments import Newest
from karl.recipe.zeoserver.operations.plans import Plan
from karl.recipe.zeoserver.operations.storage import Change, Storage, changing
from karl.recipe.zeoserver.operations.words import megabytes

#: Exit code of a backup that lacks blobs: it is there, but not all of it.
INCOMPLETE = 6


def back_up(
    storage: Storage,
    wanted: Kind = Kind.AUTOMATIC,
    *,
    dry_run: bool = False,
    wait: float = 0.0,
) -> dict[str, Any]:
    """Back up the live copy; after a full backup remove the oldest chains.

    A blob that is missing keeps nothing from being backed up: the result names
    it, and its ``exit`` is 6.

    :param wanted: which kind.
    :raises RefusedError: nothing is live, that kind cannot be, or there is no room.
    :raises DamagedError: Data.fs is; then what was committed since the last backup
        is backed up if that can be.
    """
    if dry_run:
        return _planned(storage, storage.state(), wanted).rehearsed()
    with changing(storage, "backup", f"back up {storage.name}", wait) as change:
        state = storage.state()
        held = bool(state.staged)
        try:
            newest = increments.back_up(change, state, held=held, wanted=wanted)
        except DamagedError as error:
            if wanted is Kind.AUTOMATIC:
                _save_the_rest(change, state, error)
            raise
        removed: tuple[str, ...] = ()
        if newest.made and newest.unit.full:
            change.step("retention")
            removed = _remove_old(storage, state)
        size = sizes.of_chain(newest.chain)[-1]
        sizes.record(storage.places, dataclasses.replace(size, time=time.time()))
    return _told(newest, removed)


def _save_the_rest(change: Change, state: StorageState, error: DamagedError) -> None:
    """Add what was committed since to the last chain, if that can be.

    A damage in old parts of Data.fs forbids a full backup; new commits are
    backed up all the same, until somebody has seen to it.
    """
    held = bool(state.staged)
    with contextlib.suppress(KarlError, OSError):
        newest = increments.back_up(change, state, held=held, wanted=Kind.INCREMENTAL)
        error.message += (
            f" A full backup was due; what was committed since the last one is in "
            f"the incremental backup {newest.unit.name}."
        )


def _planned(storage: Storage, state: StorageState, wanted: Kind) -> Plan:
    coming = increments.plan(storage, state, held=bool(state.staged), wanted=wanted)
    facts = {"kind": coming.kind.value, "reason": coming.reason}
    if coming.kind is Kind.UNCHANGED:
        return Plan((), facts)
    start = coming.onto.newest.end if coming.onto else 0
    size = megabytes(coming.source.end.position - start)
    return Plan(
        (f"make {_article(coming.kind)} backup of {size}: {coming.reason}",), facts
    )


def _article(kind: str) -> str:
    return "an incremental" if kind == Kind.INCREMENTAL else f"a {kind}"


def _remove_old(storage: Storage, state: StorageState) -> tuple[str, ...]:
    repository = storage.places.repository
    found = chains.load(repository)
    pinned = {copy.backup.partition("/")[0] for copy in state.staged}
    former = {
        copy.number for copy in state.copies.values() if copy.status is Status.FORMER
    }
    pinned |= retention.newest_of(found, former)
    old = retention.plan(found, storage.declared.keep, pinned)
    return retention.apply(repository, old, storage.reporter)


def _told(newest: Newest, removed: tuple[str, ...]) -> dict[str, Any]:
    unit = newest.unit
    kind = _kind(unit) if newest.made else Kind.UNCHANGED
    facts = {
        **described(unit),
        "kind": kind.value,
        "changed": newest.made,
        "removed_chains": list(removed),
        "exit": INCOMPLETE if newest.made and unit.missing_blobs else 0,
    }
    if not newest.made:
        return {**facts, "text": f"nothing was committed since backup {unit.name}."}
    text = (
        f"backup {unit.name} ({kind.value}: {unit.reason}), {megabytes(unit.size)} "
        f"and {unit.blobs} blobs of {megabytes(unit.blob_bytes)} in "
        f"{unit.seconds:.1f} s, up to transaction {unit.tid}."
    )
    if removed:
        text += f" Removed: {', '.join(removed)}."
    if not unit.missing_blobs:
        return {**facts, "text": text}
    lacking = (
        f" {unit.missing_blobs} blobs were missing and are not in it, such as "
        f"{unit.missing[0]}: look for them in an older backup."
    )
    return {**facts, "text": text + lacking}


def _kind(unit: Unit) -> Kind:
    return Kind.FULL if unit.full else Kind.INCREMENTAL


def described(unit: Unit) -> dict[str, Any]:
    """Return what programs may know of a backup."""
    return {
        "backup": unit.name,
        "chain": unit.chain,
        "stamp": unit.stamp,
        "kind": _kind(unit).value,
        "reason": unit.reason,
        "copy": unit.copy,
        "made": unit.made,
        "seconds": unit.seconds,
        "tid": unit.tid,
        "start": unit.start,
        "end": unit.end,
        "bytes": unit.size,
        "transactions": unit.transactions,
        "blobs": unit.blobs,
        "blob_bytes": unit.blob_bytes,
        "missing_blobs": unit.missing_blobs,
        "path": str(unit.data),
    }
