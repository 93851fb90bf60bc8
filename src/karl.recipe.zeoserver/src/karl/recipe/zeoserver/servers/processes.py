"""The server processes, as supervisord runs them."""

from __future__ import annotations

import contextlib
import xmlrpc.client
from typing import Any

from karl.recipe.release.base import files, supervision
from karl.recipe.release.base.errors import (
    RefusedError,
    UnfinishedError,
    UnreachableError,
)
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.release.base.waiting import eventually
from karl.recipe.zeoserver.databases.state import StorageState
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.layouts.storage import SIDES
from karl.recipe.zeoserver.rendering import supervisorconf
from karl.recipe.zeoserver.servers import control, orphans, supervisor
from karl.recipe.zeoserver.servers.control import ServerStatus
from karl.recipe.zeoserver.servers.outputs import Output

#: supervisord's words for a server that it does not go on trying to start.
_GIVEN_UP = frozenset({"EXITED", "FATAL", "UNKNOWN"})

#: Its words for one that ended by itself.
FAILED = frozenset({"BACKOFF", "EXITED", "FATAL"})


def apply_programs(
    central: Central,
    name: str,
    state: StorageState,
    reporter: Reporter,
    patience: float = control.PATIENCE,
) -> list[str]:
    """Have exactly those servers of a storage run that *state* says.

    Writes and removes supervisord's programs; if supervisord runs, it starts and
    stops them.  A server that serves another copy than *state* says is restarted.
    Does not wait until they serve.

    :param patience: seconds that a server has to tell which copy it serves.
    :return: the sides whose servers do not answer.
    """
    for side in SIDES:
        path = central.places.program(name, side)
        if side in state.serving:
            # Where it is missing, supervisord itself would not start.
            files.make_directory(central.storage_places(name).logs)
            files.write_if_changed(
                path, supervisorconf.render_program(central, name, side)
            )
        else:
            files.remove_tree(path)
    if supervisor.runs(central):
        with supervisor.reached(central) as proxy:
            _reread(proxy, name, state)
        return _restart_outdated(central, name, state, reporter, patience)
    return []


def _reread(proxy: Any, name: str, state: StorageState) -> None:
    """Have supervisord know what the files say, of one storage alone."""
    added, changed, removed = proxy.reloadConfig()[0]
    ours = {supervisorconf.program(name, side) for side in SIDES}
    for program in ours.intersection([*changed, *removed]):
        with supervision.unless(supervision.BAD_NAME, supervision.NOT_RUNNING):
            proxy.stopProcessGroup(program)
        with supervision.unless(supervision.BAD_NAME):
            proxy.removeProcessGroup(program)
    for program in ours.intersection([*added, *changed]):
        with supervision.unless(supervision.ALREADY_ADDED):
            proxy.addProcessGroup(program)


def _restart_outdated(
    central: Central,
    name: str,
    state: StorageState,
    reporter: Reporter,
    patience: float,
) -> list[str]:
    places = central.storage_places(name)
    silent = []
    for side, number in state.serving.items():
        try:
            found = control.status(places, side, patience)
        except UnreachableError:
            silent.append(side)
            continue
        if found is not None and found.copy != number:
            reporter.say(f"Restarting {name}-{side}: it is to serve copy {number}")
            restart(central, name, side, reporter)
    return silent


def start(central: Central, name: str, side: str) -> None:
    """Start the server of *side*, unless it runs; does not wait until it serves.

    A server that a supervisord left which was killed is ended first: nobody would
    start it again.

    :raises UnreachableError: supervisord does not run.
    :raises RefusedError: supervisord does not know it: nothing is served there.
    """
    program = supervisorconf.program(name, side)
    end_orphan(central, name, side)
    with supervisor.reached(central) as proxy:
        if _state_of(central, name, side) == "BACKOFF":
            # It would be tried again only after a while.
            proxy.stopProcess(program)
        try:
            proxy.startProcess(program, False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == supervision.BAD_NAME:
                raise RefusedError(
                    f"{name} serves nothing on side {side}.",
                    f"Serve a database copy first: zeoctl serve {name} NUMBER.",
                ) from None
            if fault.faultCode != supervision.ALREADY_STARTED:
                raise


def stop(central: Central, name: str, side: str, reporter: Reporter) -> None:
    """Stop the server of *side*, and wait until it has ended.

    It stays so until it is started, or supervisord is.  One that hangs is killed
    after a while.

    :raises UnreachableError: supervisord does not run.
    :raises UnfinishedError: it has not ended in time.
    """
    program = supervisorconf.program(name, side)
    end_orphan(central, name, side)
    if supervisor.states(central).get(program, "STOPPED") == "STOPPED":
        return
    task = reporter.task(f"stopping the server of {name} on side {side}")
    with (
        supervisor.reached(central) as proxy,
        supervision.unless(supervision.BAD_NAME, supervision.NOT_RUNNING),
    ):
        proxy.stopProcess(program, False)

    def ended() -> bool:
        task.advance(0)
        return supervisor.states(central).get(program) != "STOPPING"

    if not eventually(ended, supervisor.STOP):
        raise UnfinishedError(
            f"The server of {name} on side {side} has not ended.",
            f"See zeoctl status {name}, and {central.places.supervisor_log}.",
        )
    task.done()


def restart(central: Central, name: str, side: str, reporter: Reporter) -> None:
    """Stop and start the server of *side*; does not wait until it serves.

    :raises UnreachableError: supervisord does not run.
    """
    stop(central, name, side, reporter)
    start(central, name, side)


def end_orphan(central: Central, name: str, side: str) -> None:
    """End the server of *side* if supervisord did not start it.

    :raises UnfinishedError: it has not ended in time, or hangs.
    """
    orphans.end(central, name, side, supervisor.STOP)


def wait_until_serving(
    central: Central, name: str, side: str, number: int, timeout: float = 30.0
) -> ServerStatus:
    """Return the status of the server of *side* once it serves copy *number*.

    A database whose index was lost is read through first: supervisord goes on
    starting it after *timeout*.

    :param timeout: seconds.
    :raises UnreachableError: it does not serve; with the reason, if it said one.
    """
    places = central.storage_places(name)
    output = Output(places.output(side))
    found: list[ServerStatus] = []

    def decided() -> bool:
        status = None
        with contextlib.suppress(UnreachableError):
            status = control.status(places, side, patience=timeout)
        if status is not None and status.copy == number:
            found.append(status)
        failure = output.failure()
        lasting = failure is not None and failure.lasting
        return bool(found) or lasting or _state_of(central, name, side) in _GIVEN_UP

    if eventually(decided, timeout) and found:
        return found[0]
    word = _state_of(central, name, side)
    what = f"The server of {name} on side {side} does not serve copy {number}"
    failure = output.failure() or (output.last() if word in FAILED else None)
    if failure is not None:
        raise UnreachableError(f"{what}: {failure.message}", failure.tip)
    raise UnreachableError(
        f"{what}; supervisord says {word}.",
        f"It may be reading its database still; see zeoctl logs {name}."
        if word in {"STARTING", "RUNNING"}
        else f"Its last output:\n{output.lines()}",
    )


def last_failure(central: Central, name: str, side: str) -> str:
    """Return why a server ended last, and what to do next; or what it printed last."""
    output = Output(central.storage_places(name).output(side))
    found = output.last()
    return f"{found.message} {found.tip}".strip() if found else output.lines()


def _state_of(central: Central, name: str, side: str) -> str:
    program = supervisorconf.program(name, side)
    return supervisor.states(central).get(program, "nothing of it")
