"""What is known of a storage, whatever state it is in: nothing here fails.

What needs somebody's attention is said in sentences, the *problems*.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from karl.recipe.release.base.journal import Journal
from karl.recipe.zeoserver.databases import datafs, inplace, tids
from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.databases.state import CopyState, StorageState
from karl.recipe.zeoserver.operations import (
    backupstatus,
    repository,
    runs,
    serverstatus,
    space,
)
from karl.recipe.zeoserver.operations.look import Look
from karl.recipe.zeoserver.operations.storage import Storage


def report(storage: Storage, *, copies: bool = False) -> dict[str, Any]:
    """Return what is known of a storage.

    :param copies: list all database copies too.
    """
    told = Look(storage)
    places = storage.places
    known = told.attempt(lambda: states.load(places), None)
    state = known or StorageState()
    servers = serverstatus.servers(told, state)
    found: dict[str, Any] = {
        "servers": servers,
        "live": _live(told, state, servers),
        "backup": told.attempt(lambda: backupstatus.newest(storage), None),
        "free": told.attempt(lambda: space.free(places.databases), None),
        "free_for_backups": told.attempt(lambda: repository.free(storage), None),
        "doing": told.attempt(lambda: runs.doing(places.lock), None),
        "staged": [copy.number for copy in state.staged],
        "problems": told.problems,
    }
    if state.live is not None:
        told.problems += told.attempt(lambda: backupstatus.problems(storage), [])
    _check_history(told, known, found)
    _check_disks(told)
    _check_room(told, found)
    if copies:
        found["copies"] = [
            _copy(told, state, copy) for _, copy in sorted(state.copies.items())
        ]
    return found


def _live(
    told: Look, state: StorageState, servers: list[dict[str, Any]]
) -> dict[str, Any] | None:
    """Return what is known of the live copy."""
    copy, name = state.live, told.storage.name
    if copy is None:
        if not told.problems or state.copies:
            told.problems.append(
                f"There is no live database copy: zeoctl init {name}, or zeoctl "
                f"import {name}."
            )
        return None
    serving = [each for each in servers if each["number"] == copy.number]
    if not serving:
        told.problems.append(
            f"The live database copy {copy.number} is not served: zeoctl serve "
            f"{name} {copy.number}."
        )
    server = serving[0] if serving and serving[0]["serves"] else {}
    found = _copy(told, state, copy)
    tid = server.get("tid") or _tid_on_disk(told, found)
    return {
        **found,
        "objects": server.get("objects"),
        "tid": tid,
        "time": tids.time_of(tid) if tid else None,
        "clients": len(server["clients"]) if server else None,
    }


def _tid_on_disk(told: Look, copy: Mapping[str, Any]) -> str | None:
    """Return the last transaction of a copy that no server tells of."""
    data = told.storage.places.copy(copy["number"]).data
    if copy["size"] is None:
        return None
    return told.attempt(lambda: datafs.end_of(data).tid, None)


def _copy(told: Look, state: StorageState, copy: CopyState) -> dict[str, Any]:
    layout = told.storage.places.copy(copy.number)
    data = layout.data
    told.attempt(lambda: inplace.check(layout), None)
    try:
        size = data.stat().st_size
    except OSError:
        size = None
        told.problems.append(
            f"{data} is missing: zeoctl start {told.storage.name} repairs what a "
            "killed pack left; else restore a backup: zeoctl restore "
            f"{told.storage.name} --to-new-copy."
        )
    return {
        "number": copy.number,
        "status": copy.status.value,
        "mode": copy.mode,
        "side": state.side_of(copy.number),
        "size": size,
        "origin": copy.origin,
        "parent": copy.parent,
        "made": copy.made,
        "packed": copy.packed,
        "source": copy.source or None,
        "withheld": copy.withheld,
    }


def _check_history(
    told: Look, state: StorageState | None, found: dict[str, Any]
) -> None:
    if found["doing"] is not None:
        return
    none: tuple[Path, ...] = ()
    if state is not None:
        unknown = told.attempt(lambda: states.unknown(told.storage.places, state), none)
        told.problems += [
            f"{path} is not known; no command touches it." for path in unknown
        ]
    journal = Journal(told.storage.places.journal)
    run = told.attempt(lambda: runs.last(journal), None)
    if run is not None and not run.settled:
        told.problems.append(
            f"{run.verb} did not end; the next command that changes the storage puts "
            f"that right, such as zeoctl start {told.storage.name}."
        )


def _check_disks(told: Look) -> None:
    """Tell of disks that the system has made read-only, as it does if they fail."""
    places, apart = told.storage.places, told.storage.declared.repository
    for path in (places.databases, *([places.repository.root] if apart else [])):
        if not told.attempt(functools.partial(space.writable, path), otherwise=True):
            told.problems.append(
                f"The disk of {path} is read-only: if nobody mounted it so, it fails. "
                "See the system's messages, such as with dmesg."
            )


def _check_room(told: Look, found: dict[str, Any]) -> None:
    live, free = found["live"], found["free"]
    if live is None or free is None or live["size"] is None:
        return
    if free < live["size"] + space.RESERVE:
        told.problems.append(
            "Less is free on the disk than the database is large: it cannot be "
            "packed, staged or restored."
        )
