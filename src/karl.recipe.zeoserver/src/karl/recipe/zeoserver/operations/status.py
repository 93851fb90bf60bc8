"""What is known of a storage, whatever state it is in: nothing here fails.

What needs somebody's attention is said in sentences, the *problems*.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from karl.recipe.release.base.errors import KarlError
from karl.recipe.release.base.journal import Journal
from karl.recipe.zeoserver.databases import datafs, inplace, tids
from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.databases.state import CopyState, StorageState, mode_of
from karl.recipe.zeoserver.layouts.storage import SIDES
from karl.recipe.zeoserver.operations import backupstatus, repository, runs, space
from karl.recipe.zeoserver.operations.storage import Storage
from karl.recipe.zeoserver.rendering.supervisorconf import program
from karl.recipe.zeoserver.servers import control, orphans, processes, supervisor
from karl.recipe.zeoserver.servers.control import ServerStatus

_Value = TypeVar("_Value")

#: Seconds that a server has to answer.
_PATIENCE = 5.0

#: What a server says of itself, beside its clients.
_OF_SERVERS = (
    "pid", "mode", "in_flight", "packing", "since", "objects", "position", "tid",
    "time",
)  # fmt: skip


@dataclass
class Report:
    """What is found, and what is wrong.

    :ivar problems: sentences, each with what to do next.
    :ivar supervised: supervisord runs.
    """

    storage: Storage
    supervised: bool = False
    problems: list[str] = field(default_factory=list)

    def attempt(self, what: Callable[[], _Value], otherwise: _Value) -> _Value:
        """Return what *what* returns; if it fails, tell so and return *otherwise*."""
        try:
            return what()
        except KarlError as error:
            text = str(error)
        except OSError as error:
            text = f"The system said: {error}."
        if text not in self.problems:
            self.problems.append(text)
        return otherwise


def report(storage: Storage, *, copies: bool = False) -> dict[str, Any]:
    """Return what is known of a storage.

    :param copies: list all database copies too.
    """
    told = Report(storage)
    places = storage.places
    known = told.attempt(lambda: states.load(places), None)
    state = known or StorageState()
    servers = _servers(told, state)
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
    _check_room(told, found)
    if copies:
        found["copies"] = [
            _copy(told, state, copy) for _, copy in sorted(state.copies.items())
        ]
    return found


def _servers(told: Report, state: StorageState) -> list[dict[str, Any]]:
    """Return what each side serves, or should."""
    central = told.storage.central
    nothing: Mapping[str, str] = {}
    words = told.attempt(lambda: supervisor.states(central), nothing)
    told.supervised = told.attempt(lambda: supervisor.runs(central), otherwise=False)
    if state.serving and not told.supervised:
        told.problems.append(
            "supervisord does not run: start it with its systemd unit, or with "
            "zeoctl start."
        )
    return [
        _server(told, state, side, words.get(program(told.storage.name, side)))
        for side in SIDES
        if side in state.serving
    ]


def _server(
    told: Report, state: StorageState, side: str, word: str | None
) -> dict[str, Any]:
    storage, number = told.storage, state.serving[side]
    status = told.attempt(lambda: control.status(storage.places, side, _PATIENCE), None)
    if status is None:
        _explain_absence(told, side, number, word)
    else:
        _compare(told, state, side, status)
    return {
        "side": side,
        "number": number,
        "address": str(storage.declared.addresses[side]),
        "process": word,
        "serves": status is not None and status.copy == number,
        **_told_by(status),
    }


def _told_by(status: ServerStatus | None) -> dict[str, Any]:
    """Return what a server says of itself; null of one that does not answer."""
    if status is None:
        return {**dict.fromkeys(_OF_SERVERS), "clients": []}
    return {
        "pid": status.pid,
        "mode": mode_of(read_only=status.read_only),
        "clients": [
            {"address": each.address, "label": each.label, "since": each.since}
            for each in status.clients
        ],
        "in_flight": status.in_flight,
        "packing": status.packing,
        "since": status.since,
        "objects": status.objects,
        "position": status.position,
        "tid": status.tid,
        "time": tids.time_of(status.tid),
    }


def _explain_absence(told: Report, side: str, number: int, word: str | None) -> None:
    name = told.storage.name
    if word is None and not told.supervised:
        return
    if word in {"RUNNING", "STARTING"}:
        told.problems.append(
            f"The server of database copy {number} on side {side} does not serve "
            f"yet: see zeoctl logs {name}."
        )
        return
    central = told.storage.central
    failed = word in processes.FAILED
    last = processes.last_failure(central, name, side) if failed else ""
    told.problems.append(
        f"The server of database copy {number} on side {side} does not run "
        f"({word or 'supervisord knows nothing of it'}): start it with zeoctl start "
        f"{name}." + (f" It last said: {last}" if last else "")
    )


def _compare(
    told: Report, state: StorageState, side: str, status: ServerStatus
) -> None:
    name, number = told.storage.name, state.serving[side]
    central = told.storage.central
    if told.supervised and orphans.is_orphan(central, name, side, status.pid):
        told.problems.append(
            f"supervisord did not start the server {status.pid} on side {side}: "
            f"zeoctl restart {name}."
        )
    if status.copy != number:
        told.problems.append(
            f"Side {side} serves database copy {status.copy}, but should serve "
            f"{number}: zeoctl restart {name}."
        )
    elif number in state.copies and status.read_only != state.copy(number).read_only:
        wanted = state.copy(number).mode
        told.problems.append(
            f"Database copy {number} should be {wanted}, and is not: "
            f"zeoctl {wanted} {name} --copy {number}."
        )


def _live(
    told: Report, state: StorageState, servers: list[dict[str, Any]]
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


def _tid_on_disk(told: Report, copy: Mapping[str, Any]) -> str | None:
    """Return the last transaction of a copy that no server tells of."""
    data = told.storage.places.copy(copy["number"]).data
    if copy["size"] is None:
        return None
    return told.attempt(lambda: datafs.end_of(data).tid, None)


def _copy(told: Report, state: StorageState, copy: CopyState) -> dict[str, Any]:
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
    told: Report, state: StorageState | None, found: dict[str, Any]
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


def _check_room(told: Report, found: dict[str, Any]) -> None:
    live, free = found["live"], found["free"]
    if live is None or free is None or live["size"] is None:
        return
    if free < live["size"] + space.RESERVE:
        told.problems.append(
            "Less is free on the disk than the database is large: it cannot be "
            "packed, staged or restored."
        )
