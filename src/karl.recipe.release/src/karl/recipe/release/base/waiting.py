"""Waiting until something has come true, such as the end of a process."""

from __future__ import annotations

import time
from collections.abc import Callable
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
