"""Waiting until something has come true, such as the end of a process."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

#: How often is looked, in seconds.
_PAUSE = 0.05


def eventually(what: Callable[[], bool], seconds: float) -> bool:
    """Tell whether *what* comes true in time; it is asked once at least."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True


def has_ended(pid: int) -> bool:
    """Tell whether a process is gone, or only waits for somebody to take note."""
    try:
        return not Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True


@contextlib.contextmanager
def end_of(child: subprocess.Popen[bytes]) -> Iterator[Callable[[float], bool]]:
    """Give what waits for the end of a program, and tells if it came in some seconds.

    The kernel tells of it at once; :mod:`subprocess` looks twenty times a second.
    """
    try:
        descriptor = os.pidfd_open(child.pid)
    except OSError:  # An old kernel, or too many open files.
        yield lambda seconds: _ends_in(child, seconds)
        return
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    try:
        yield lambda seconds: bool(waiting.poll(seconds * 1000))
    finally:
        os.close(descriptor)


def _ends_in(child: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        child.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
