"""Changing a site's mode, and keeping cron jobs from beginning."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from karl.recipe.evolve.declaration.layout import EvolveLayout
from karl.recipe.evolve.modes import state
from karl.recipe.evolve.modes.state import Mode
from karl.recipe.release.base import files
from karl.recipe.release.base.accounts import actor
from karl.recipe.release.base.errors import BusyError
from karl.recipe.release.base.waiting import eventually

#: The mode is told to every user of the machine: their processes may serve it.
_READABLE = 0o644


@dataclass(frozen=True)
class Inhibition:
    """Why cron jobs do not begin.

    :ivar since: seconds since the epoch.
    """

    why: str
    since: float


def set_mode(places: EvolveLayout, mode: str, message: str, retry: int | None) -> Mode:
    """Change the mode, in all processes at once; return what it is now.

    :param retry: seconds after which visitors should try again; None: as the
        site's option says.
    """
    changed = Mode(mode, time.time(), actor(), message, retry)
    files.write(places.mode, changed.to_text(), _READABLE)
    return changed


def ensure_mode(places: EvolveLayout) -> None:
    """Have a mode file: ``normal`` if there is none."""
    if not places.mode.exists():
        files.write(places.mode, Mode().to_text(), _READABLE)


def inhibition(places: EvolveLayout) -> Inhibition | None:
    """Return why cron jobs do not begin; None: they do.

    A file that cannot be understood keeps them from it too.
    """
    try:
        found = json.loads(places.inhibit.read_text(encoding="utf-8"))
        return Inhibition(str(found["why"]), state.moment(found["since"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return Inhibition(f"{places.inhibit} is there and cannot be understood", 0.0)


def inhibit(places: EvolveLayout, why: str, wait: float) -> bool:
    """Keep cron jobs from beginning, and wait for those that run.

    :param wait: seconds.
    :return: whether they were not kept from it already.
    :raises BusyError: one still runs; none begins any more, though.
    """
    new = inhibition(places) is None
    if new:
        content = asdict(Inhibition(why, time.time()))
        files.write(places.inhibit, files.canonical_json(content), _READABLE)
    if not eventually(lambda: _is_free(places.jobs_lock), wait):
        raise BusyError(
            "A cron job of the site is still running; no other one will begin.",
            "Wait for it and say it again, or let jobs begin: bin/site allow.",
        )
    return new


def allow(places: EvolveLayout) -> bool:
    """Let cron jobs begin again; tell whether they were kept from it."""
    was = places.inhibit.exists()
    files.remove_tree(places.inhibit)
    if was:
        files.fsync_directory(places.mode_folder)
    return was


@contextlib.contextmanager
def job(places: EvolveLayout) -> Iterator[bool]:
    """Tell whether a cron job may begin, and hold the lock that says that it runs.

    The lock is inherited by the program that this process becomes, and free when
    that and all it started have ended or closed it.
    """
    files.make_directory(places.mode_folder)
    descriptor = os.open(places.jobs_lock, os.O_RDWR | os.O_CREAT, 0o644)
    os.set_inheritable(descriptor, True)
    try:
        # First the lock, then the look: whoever inhibits does it the other way.
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        normal = state.read(places.mode).mode == state.NORMAL
        yield normal and inhibition(places) is None
    finally:
        os.close(descriptor)


def _is_free(lock: Path) -> bool:
    files.make_directory(lock.parent)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)
