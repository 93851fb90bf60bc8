"""Packing the live copy through its server, and who must wait for that."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable
from typing import Any

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import BusyError, RefusedError
from karl.recipe.zeoserver.databases import inplace, packestimate
from karl.recipe.zeoserver.databases.state import StorageState
from karl.recipe.zeoserver.layouts.copy import CopyLayout
from karl.recipe.zeoserver.operations import rules, sizes, space
from karl.recipe.zeoserver.operations.plans import Plan
from karl.recipe.zeoserver.operations.sizes import Size
from karl.recipe.zeoserver.operations.storage import Change, Storage, changing
from karl.recipe.zeoserver.operations.words import megabytes
from karl.recipe.zeoserver.servers import control

_DAY = 86400.0


def refuse_while_packing(
    storage: Storage, sides: Iterable[str], patience: float = control.PATIENCE
) -> None:
    """Refuse what must not happen while a server packs.

    A server goes on packing after zeoctl, which told it to, was killed.

    :param sides: whose servers are asked.
    :param patience: seconds that each has to answer.
    :raises BusyError: one packs.
    :raises UnreachableError: one does not answer.
    """
    for side in sides:
        found = control.status(storage.places, side, patience)
        if found is not None and found.packing:
            raise BusyError(
                f"The server of {storage.name} packs database copy {found.copy}.",
                "Wait until it has ended: zeoctl status tells.",
            )


def plan(name: str, state: StorageState, days: float) -> Plan:
    """Decide whether the live copy can be packed.

    :param days: how much of its history stays.
    :raises RefusedError: it is not served, or a staged copy needs it as it is.
    """
    rules.check_storage("pack", name, state)
    live = state.the_live(name)
    side = state.side_of(live.number)
    if side is None:
        raise RefusedError(
            f"Database copy {live.number} of {name} is not served; only its server "
            "can pack it.",
            f"Serve it: zeoctl serve {name} {live.number}.",
        )
    return Plan(
        (
            f"pack database copy {live.number}, keeping {days:g} days of its history",
            "make the next backup a full one",
        ),
        {"number": live.number, "side": side, "days": days},
    )


def pack(
    storage: Storage,
    *,
    days: float | None = None,
    dry_run: bool = False,
    wait: float = 0.0,
) -> dict[str, Any]:
    """Pack the live copy; its clients go on working.

    :param days: how much of its history stays; None: as declared.
    :param dry_run: only estimate what it would free.
    :raises RefusedError: it cannot be packed now.
    :raises BusyError: it is being packed.
    """
    name = storage.name
    kept = storage.declared.pack_days if days is None else days
    before = max(0.0, time.time() - kept * _DAY)
    if dry_run:
        return _estimated(storage, plan(name, storage.state(), kept), before)
    with changing(storage, "pack", f"pack {name}", wait, days=kept) as change:
        state = storage.state()
        decided = plan(name, state, kept)
        refuse_while_packing(storage, state.serving)
        copy = storage.places.copy(decided.facts["number"])
        inplace.check(copy)
        _check_space(copy)
        was, size = _apply(change, copy, decided, before)
        number = decided.facts["number"]
        sizes.record(storage.places, Size(time.time(), number, size))
    text = f"Packed from {megabytes(was)} to {megabytes(size)}."
    return decided.done(text, size_before=was, size=size)


def _check_space(copy: CopyLayout) -> None:
    """Refuse if the packed file might not fit beside the database.

    What an earlier pack kept goes first; blobs are only linked.
    """
    kept = copy.before_pack.stat().st_size if copy.before_pack.exists() else 0
    space.check(copy.root, copy.data.stat().st_size - kept, "pack")


def _apply(
    change: Change, copy: CopyLayout, decided: Plan, before: float
) -> tuple[int, int]:
    """Have the server pack; return the bytes of Data.fs before and after."""
    storage = change.storage
    found = copy.data.stat()
    number = decided.facts["number"]
    change.step("pack", number=number, inode=found.st_ino)
    task = storage.reporter.task("packing", found.st_size, "bytes")
    told = 0

    def beat(written: int, _of: int) -> None:
        nonlocal told
        task.advance(max(0, written - told))
        told = max(told, written)

    control.pack(storage.places, decided.facts["side"], before, beat)
    # FileStorage leaves that to the next commit.
    files.sync_file_system(copy.root)
    task.done()
    change.step("packed", number=number)
    change.save(with_packed(storage.state(), number, time.time()))
    return found.st_size, copy.data.stat().st_size


def with_packed(state: StorageState, number: int, when: float) -> StorageState:
    """Return the state in which a copy was packed."""
    return state.with_copy(dataclasses.replace(state.copy(number), packed=when))


def _estimated(storage: Storage, decided: Plan, before: float) -> dict[str, Any]:
    found = control.status(storage.places, decided.facts["side"])
    if found is None:
        raise RefusedError(
            f"The server of {storage.name} does not answer.",
            f"Start it: zeoctl start {storage.name}.",
        )
    copy = storage.places.copy(decided.facts["number"])
    task = storage.reporter.task("looking for what a pack would free")
    freed = packestimate.estimate(
        copy, found.position, before, gc=storage.declared.pack_gc
    )
    task.done()
    result = decided.rehearsed()
    text = (
        f"{result['text']} That would free about {megabytes(freed.bytes)} of Data.fs "
        f"and {freed.blobs} blobs of {megabytes(freed.blob_bytes)}."
    )
    return {**result, "estimate": dataclasses.asdict(freed), "text": text}
