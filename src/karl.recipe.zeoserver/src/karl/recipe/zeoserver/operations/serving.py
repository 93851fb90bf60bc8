"""Serving a database copy on the free address, and ending that."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from typing import Any

from karl.recipe.release.base.errors import KarlError, RefusedError
from karl.recipe.zeoserver.databases import datafs, inplace
from karl.recipe.zeoserver.databases.state import (
    CopyState,
    Status,
    StorageState,
    mode_of,
)
from karl.recipe.zeoserver.declaration.model import storage_name
from karl.recipe.zeoserver.operations import rules
from karl.recipe.zeoserver.operations.plans import Plan
from karl.recipe.zeoserver.operations.storage import Change, Storage, changing
from karl.recipe.zeoserver.rendering import clientconf
from karl.recipe.zeoserver.servers import processes, supervisor

#: Seconds for a server to answer, unless told otherwise.
TIMEOUT = 30.0


@dataclass(frozen=True)
class Wish:
    """How a copy is to be served.

    :ivar read_only: commits to it are refused.
    :ivar side: ``a`` or ``b``; None: whichever is free.
    :ivar scrubbed: also if it has another site's data: they are scrubbed.
    """

    read_only: bool = False
    side: str | None = None
    scrubbed: bool = False


def plan_serving(
    name: str,
    state: StorageState,
    number: int,
    *,
    read_only: bool,
    wanted: str | None = None,
    scrubbed: bool = False,
) -> Plan:
    """Decide how a copy is served: where it is already, or on the free address.

    A former copy is only ever served read-only.

    :param wanted: the side to serve it on; None: a free one.
    :param scrubbed: the operator said that another site's data in it may be seen.
    :raises RefusedError: it must not be served, or the address is taken.
    """
    copy = state.copy(number)
    rules.check_copy("serve", name, copy)
    if not scrubbed:
        rules.check_withheld(name, copy)
    side = state.side_of(number)
    if side is not None:
        _check_served(name, copy, side, wanted, read_only=read_only)
        return Plan((), {"number": number, "side": side, "mode": copy.mode})
    side = _free(state, wanted)
    refuses = read_only or copy.read_only or copy.status is Status.FORMER
    mode = mode_of(read_only=refuses)
    return Plan(
        (f"serve database copy {number} on address {side}, {mode}",),
        {"number": number, "side": side, "mode": mode},
    )


def _check_served(
    name: str, copy: CopyState, side: str, wanted: str | None, *, read_only: bool
) -> None:
    """Refuse if a copy is served in another way than it is asked for."""
    if wanted not in {None, side}:
        raise RefusedError(
            f"Database copy {copy.number} of {name} is served on side {side} already.",
            "Unserve it first.",
        )
    if read_only and not copy.read_only:
        raise RefusedError(
            f"Database copy {copy.number} of {name} is served already, and writable.",
            f"Unserve it first, or: zeoctl read-only {name}.",
        )


def _free(state: StorageState, wanted: str | None) -> str:
    """Return the side to serve a copy on.

    :raises RefusedError: it serves another copy.
    """
    if wanted is None:
        return state.free_side()
    if wanted in state.serving:
        raise RefusedError(
            f"Side {wanted} serves database copy {state.serving[wanted]}.",
            "Unserve or retire that first.",
        )
    return wanted


def serve(
    storage: Storage,
    number: int,
    wish: Wish,
    *,
    timeout: float = TIMEOUT,
    dry_run: bool = False,
    wait: float = 0.0,
) -> dict[str, Any]:
    """Serve a copy and wait until it answers.

    :param timeout: seconds for its server to answer.
    :param wait: seconds to wait for another command.
    :raises RefusedError: it must not be served, or no servers run.
    :raises DamagedError: it cannot be opened.
    :raises UnreachableError: its server does not answer; all is as before.
    """
    name = storage.name
    if dry_run:
        return _planned(storage, number, wish).rehearsed()
    with changing(
        storage, "serve", f"serve a copy of {name}", wait, copy=number
    ) as change:
        before = storage.state()
        plan = _planned(storage, number, wish)
        _check_that_servers_run(storage)
        if plan.steps:
            _check_that_it_is_there(storage, before.copy(number))
        _apply(change, before, plan, timeout)
    return plan.done(
        f"Database copy {number} is served.", **connection(storage, number)
    )


def _planned(storage: Storage, number: int, wish: Wish) -> Plan:
    return plan_serving(
        storage.name,
        storage.state(),
        number,
        read_only=wish.read_only,
        wanted=wish.side,
        scrubbed=wish.scrubbed,
    )


def connection(storage: Storage, number: int) -> dict[str, Any]:
    """Return how clients reach a served copy.

    :raises RefusedError: it is not served.
    """
    state = storage.state()
    side = state.side_of(number)
    if side is None:
        raise RefusedError(
            f"Database copy {number} of {storage.name} is not served.",
            f"Serve it: zeoctl serve {storage.name} {number}.",
        )
    return {
        "side": side,
        "address": str(storage.declared.addresses[side]),
        "database": storage_name(storage.name, number),
        "zodb_conf": clientconf.render(storage.central, storage.name, number, side),
    }


def _apply(change: Change, before: StorageState, plan: Plan, timeout: float) -> None:
    storage, (number, side) = change.storage, (plan.facts["number"], plan.facts["side"])
    if plan.steps:
        copy = dataclasses.replace(
            before.copy(number),
            read_only=plan.facts["mode"] == mode_of(read_only=True),
            withheld=False,
        )
        change.step("serve", number=number, side=side)
        change.save(before.with_copy(copy).with_serving(side, number))
    try:
        processes.apply_programs(
            storage.central, storage.name, storage.state(), storage.reporter
        )
        processes.wait_until_serving(
            storage.central, storage.name, side, number, timeout
        )
    except BaseException:
        if plan.steps:
            _put_back(change, before)
        raise


def _put_back(change: Change, before: StorageState) -> None:
    storage = change.storage
    change.save(before)
    with contextlib.suppress(KarlError, OSError):
        processes.apply_programs(
            storage.central, storage.name, before, storage.reporter
        )


def _check_that_servers_run(storage: Storage) -> None:
    if not supervisor.runs(storage.central):
        raise RefusedError(
            "The servers' supervisor does not run, so that nothing can be served.",
            "Start it: zeoctl start --all, or its systemd unit.",
        )


def _check_that_it_is_there(storage: Storage, copy: CopyState) -> None:
    """Refuse what no server could open; looks at the end of Data.fs only."""
    layout = storage.places.copy(copy.number)
    inplace.check(layout)
    data = layout.data
    if not data.is_file():
        raise RefusedError(
            f"Database copy {copy.number} has no Data.fs: {data} is not there.",
            f"Restore a backup: zeoctl restore {storage.name} --to-new-copy.",
        )
    datafs.end_of(data)


def plan_unserving(
    name: str, state: StorageState, number: int, *, live: bool = False
) -> Plan:
    """Decide what ends when a copy is not served any more.

    :param live: the operator said that it may be the live one.
    :raises RefusedError: it is live, and that was not said.
    """
    copy = state.copy(number)
    if not (live and copy.status is Status.LIVE):
        rules.check_copy("unserve", name, copy)
    side = state.side_of(number)
    steps = () if side is None else (f"stop serving copy {number} on address {side}",)
    return Plan(steps, {"number": number, "side": side})


def unserve(
    storage: Storage,
    number: int,
    *,
    live: bool = False,
    dry_run: bool = False,
    wait: float = 0.0,
) -> dict[str, Any]:
    """Stop serving a copy.

    :param live: also if it is the live one.
    :raises RefusedError: it is live, and that was not said.
    """
    name = storage.name
    if dry_run:
        return plan_unserving(name, storage.state(), number, live=live).rehearsed()
    with changing(
        storage, "unserve", f"stop serving a copy of {name}", wait, copy=number
    ) as change:
        plan = plan_unserving(name, storage.state(), number, live=live)
        end_serving(change, number)
    side = plan.facts["side"]
    back = f" To serve it again: zeoctl serve {name} {number} --side {side}."
    return plan.done(f"Database copy {number} is not served.{back if side else ''}")


def end_serving(change: Change, number: int) -> None:
    """Take a copy from its address, if it is served."""
    storage = change.storage
    state = storage.state()
    side = state.side_of(number)
    if side is None:
        return
    change.step("unserve", number=number, side=side)
    state = state.with_serving(side, None)
    change.save(state)
    processes.apply_programs(storage.central, storage.name, state, storage.reporter)
