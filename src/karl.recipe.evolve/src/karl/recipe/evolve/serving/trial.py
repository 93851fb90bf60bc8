"""A private process of a revision, to see whether it works before it is live."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from karl.recipe.evolve.declaration.layout import EvolveLayout
from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.evolve.serving import launching
from karl.recipe.evolve.serving.health import Health, ask, tail
from karl.recipe.release.base import files, process
from karl.recipe.release.base.errors import KarlError
from karl.recipe.release.base.waiting import eventually

#: How the folders of trials begin.
_PREFIX = ".try-"


@dataclass(frozen=True)
class Trial:
    """A revision that works.

    :ivar seconds: from its start until it had answered.
    """

    revision: int
    release: str
    path: str
    health: Health
    seconds: float


def attempt(site: SiteDeclaration, number: int, path: str) -> Trial:
    """Start a process of a revision that nobody else can reach, ask it, end it.

    :param path: what it is asked for.
    :raises RefusedError: there is no such revision.
    :raises KarlError: it does not come up, or is not well.
    """
    places = site.places
    _, release, _ = launching.resolved(places.revision(number))
    files.make_directory(places.logs)
    begin = time.monotonic()
    with _private_folder(places) as folder:
        socket = places.trial_socket(folder)
        command: list[str | Path] = [
            places.worker_command, "0", "--revision", str(number),
            "--socket", str(socket),
        ]  # fmt: skip
        with process.while_running(
            command, log=places.trial_log, patience=site.timeouts.stop
        ) as status:
            health = _ask(site, socket, path, status)
    if not health.is_well:
        raise KarlError(
            f"Revision {number} (release {release.root.name}) does not work: "
            f"{health.problem}.",
            f"Its last output ({places.trial_log}):\n{tail(places.trial_log)}",
        )
    seconds = round(time.monotonic() - begin, 3)
    return Trial(number, release.root.name, path, health, seconds)


def _ask(
    site: SiteDeclaration, socket: Path, path: str, status: process.Status
) -> Health:
    """Ask until there is an answer, the process has ended, or it took too long."""
    last = Health(problem="it has not started")

    def answered() -> bool:
        nonlocal last
        last = ask(socket, path, site.timeouts.health)
        return bool(last.status) or status() is not None

    eventually(answered, site.timeouts.start)
    ended = status()
    if not last.status and ended is not None:
        return Health(problem=f"it ended with status {ended}")
    return last


@contextlib.contextmanager
def _private_folder(places: EvolveLayout) -> Iterator[Path]:
    """Give a folder for a socket; remove those of killed trials, too."""
    if places.run.is_dir():
        for found in places.run.iterdir():
            owner = found.name.removeprefix(_PREFIX)
            if owner != found.name and not Path(f"/proc/{owner}").exists():
                files.try_to_remove(found)
    folder = places.trial_folder(str(os.getpid()))
    files.make_private_directory(folder)
    try:
        yield folder
    finally:
        files.try_to_remove(folder)
