"""One state-changing command at a time: flock(2), freed by the kernel."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from karl.recipe.release.base.errors import BusyError
from karl.recipe.release.base.files import make_directory
from karl.recipe.release.base.reporter import Reporter


@contextlib.contextmanager
def locked(path: Path, purpose: str, wait: float = 0.0) -> Iterator[None]:
    """Hold the exclusive lock *path*.

    The lock belongs to the open file, not to the file's existence or content:
    a killed holder frees it at once, and the file itself is never removed.

    :param purpose: what is done under the lock; shown to whoever is refused.
    :param wait: seconds to wait for another holder before giving up.
    :raises BusyError: someone else holds it; names who, what and since when.
    """
    make_directory(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _acquire(descriptor, path, purpose, wait)
        holder = {
            "command": os.path.basename(sys.argv[0]),
            "host": os.uname().nodename,
            "pid": os.getpid(),
            "purpose": purpose,
            "since": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        }
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def patiently(path: Path, purpose: str, reporter: Reporter) -> Iterator[None]:
    """Hold the exclusive lock *path*; wait while its holder lives, and say so.

    :param purpose: what is done under the lock.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(path, purpose))
        except BusyError as error:
            task = reporter.task(f"Waiting. {error.message}")
            while not _taken(stack, path, purpose):
                task.advance(0)
            task.done()
        yield


def _taken(stack: contextlib.ExitStack, path: Path, purpose: str) -> bool:
    try:
        stack.enter_context(locked(path, purpose, wait=1.0))
    except BusyError:
        return False
    return True


def _acquire(descriptor: int, path: Path, purpose: str, wait: float) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise BusyError(
                    f"Cannot {purpose}: {_describe_holder(descriptor)} "
                    f"holds the lock {path}.",
                    "Wait until it has ended, then try again.",
                ) from None
            time.sleep(0.1)
        else:
            return


def _describe_holder(descriptor: int) -> str:
    try:
        holder = _read_holder(descriptor)
        return (
            f"process {holder['pid']} on {holder['host']} "
            f"({holder['command']}: {holder['purpose']}, since {holder['since']})"
        )
    except KeyError:
        return "another process"


def _read_holder(descriptor: int) -> dict[str, Any]:
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def holder(path: Path) -> Mapping[str, Any] | None:
    """Return what whoever holds the exclusive lock *path* has said of himself.

    :return: ``command``, ``host``, ``pid``, ``purpose`` and ``since``, as far as they
        are known; None: nobody holds it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_holder(descriptor)
    else:
        return None
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def sharing(path: Path, when_alone: Callable[[], None]) -> Iterator[None]:
    """Hold *path* together with others that share it.

    Whoever may only read what is locked shares it too, if the lock is there.

    :param when_alone: called first if nobody else holds it, and while nobody
        else can: the moment to remove what killed processes left.  Not called
        for whoever may only read.
    """
    try:
        make_directory(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        writable = True
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EROFS) or not path.exists():
            raise
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        writable = False
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            if writable:
                when_alone()
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)
