"""The supervisord that runs the servers: itself, and what it tells of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from karl.recipe.release.base import files, process, supervision
from karl.recipe.release.base.accounts import user_name
from karl.recipe.release.base.errors import (
    KarlError,
    PrerequisiteError,
    RefusedError,
    UnfinishedError,
    UnreachableError,
)
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.release.base.waiting import eventually, has_ended
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.rendering import supervisorconf
from karl.recipe.zeoserver.servers import logs

#: Seconds that it has to start.
_START = 20.0

#: Seconds that it has to end: it ends its servers first.
STOP = supervisorconf.STOP_WAIT + 30.0

#: Seconds that it has to tell whether it runs.
_MOMENT = 5.0

#: Lines of its last output that are told.
_LINES = 20


@contextlib.contextmanager
def reached(central: Central, patience: float = supervision.PATIENCE) -> Iterator[Any]:
    """Give supervisord's own interface.

    :param patience: seconds that it has to answer.
    :raises UnreachableError: it does not run, or does not answer.
    :raises RefusedError: this user may not control it.
    """
    places = central.places
    with supervision.reached(
        places.supervisor_socket, "zeoctl start --all", places.supervisor_log, patience
    ) as proxy:
        yield proxy


def runs(central: Central) -> bool:
    """Tell whether supervisord answers.

    :raises RefusedError: there is one, but this user may not control it.
    """
    try:
        with reached(central, _MOMENT) as proxy:
            return bool(proxy.getState()["statename"] == "RUNNING")
    except UnreachableError:
        return False


def known(central: Central) -> Sequence[Mapping[str, Any]]:
    """Return what supervisord tells of each server; nothing if it does not run."""
    try:
        with reached(central) as proxy:
            found: list[dict[str, Any]] = proxy.getAllProcessInfo()
            return found
    except UnreachableError:
        return []


def states(central: Central) -> Mapping[str, str]:
    """Return supervisord's word for each server: ``acme-prod-a`` → ``RUNNING``.

    Empty if supervisord does not run.
    """
    return {each["name"]: each["statename"] for each in known(central)}


def start(central: Central, reporter: Reporter) -> None:
    """Start supervisord, with all servers, unless it runs.

    It runs on after this process.  Where a systemd unit is to run it, start that:
    systemd knows nothing of a supervisord that was started here.

    :raises RefusedError: this is not the user whom the servers run as.
    :raises KarlError: it did not start; with its last output.
    """
    if runs(central):
        return
    _check_user(central)
    places = central.places
    if not places.supervise.is_file():
        raise PrerequisiteError(
            f"{places.supervise} is missing.",
            "Run the buildout of the database server: it writes the commands.",
        )
    reporter.say("Starting supervisord")
    files.make_directory(places.logs)
    for name in central.storages:
        files.make_directory(central.storage_places(name).logs)
    ended = process.start([places.supervise], log=places.supervise_output)

    def up() -> bool:
        return runs(central) or ended() is not None

    if not eventually(up, _START) or not runs(central):
        said = "\n".join(logs.tail(places.supervise_output, _LINES))
        raise KarlError("supervisord did not start.", f"Its last output:\n{said}")


def _check_user(central: Central) -> None:
    """Refuse to start servers as somebody else: their files would be his.

    :raises RefusedError: the declared user is another.
    """
    ours = user_name(os.geteuid())
    if central.user and central.user != ours:
        raise RefusedError(
            f"The servers run as {central.user}, and you are {ours}.",
            f"Start their systemd unit, or run zeoctl as {central.user}.",
        )


def stop(central: Central, reporter: Reporter) -> None:
    """Stop supervisord with all servers, if it runs; wait until it is gone.

    :raises UnfinishedError: it has not ended in time.
    """
    if not runs(central):
        return
    reporter.say("Stopping supervisord")
    with reached(central) as proxy:
        pid = int(proxy.getPID())
        proxy.shutdown()
    if not eventually(lambda: has_ended(pid), STOP):
        raise UnfinishedError(
            f"supervisord has not ended after {STOP:.0f} seconds.",
            f"See {central.places.supervisor_log}.",
        )
