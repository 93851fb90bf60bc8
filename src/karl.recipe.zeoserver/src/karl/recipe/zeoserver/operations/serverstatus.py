"""What the servers of a storage say, beside what they should."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from karl.recipe.zeoserver.databases import tids
from karl.recipe.zeoserver.databases.state import StorageState, mode_of
from karl.recipe.zeoserver.layouts.storage import SIDES
from karl.recipe.zeoserver.operations.look import Look
from karl.recipe.zeoserver.rendering.supervisorconf import program
from karl.recipe.zeoserver.servers import control, orphans, processes, supervisor
from karl.recipe.zeoserver.servers.control import ServerStatus

#: Seconds that a server has to answer.
_PATIENCE = 5.0

#: What a server says of itself, beside its clients.
_OF_SERVERS = (
    "pid", "mode", "in_flight", "packing", "since", "objects", "position", "tid",
    "time",
)  # fmt: skip


def servers(told: Look, state: StorageState) -> list[dict[str, Any]]:
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
    told: Look, state: StorageState, side: str, word: str | None
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


def _explain_absence(told: Look, side: str, number: int, word: str | None) -> None:
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


def _compare(told: Look, state: StorageState, side: str, status: ServerStatus) -> None:
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
