"""Faults at the changes that :mod:`karl.recipe.release.base.files` announces.

And processes that do not live to see the end of what they do.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path

from karl.recipe.release.base import files

#: How a child ends whose body raised.
RAISED = 101


class Fault:
    """Does something at the change with a given number."""

    def __init__(self, number: int, what: Callable[[], object]) -> None:
        self.left = number
        self.what = what
        self.fired = False

    def __call__(self, action: str, path: Path) -> None:
        self.left -= 1
        if self.left == 0:
            self.fired = True
            self.what()


def raising_at(number: int, error: Exception) -> Fault:
    """Return what raises *error* at change *number*."""

    def fail() -> None:
        raise error

    return Fault(number, fail)


def in_child(body: Callable[[], object], *, silent: bool = False) -> int:
    """Run *body* in a fork of this process; return the code with which that ended.

    It is the number that *body* returned, or 0; :data:`RAISED` if it raised; or of a
    signal its negative number.

    :param silent: what it prints is not shown.
    """
    child = os.fork()
    if child == 0:
        code = RAISED
        try:
            if silent:
                nowhere = os.open(os.devnull, os.O_RDWR)
                for stream in (0, 1, 2):
                    os.dup2(nowhere, stream)
            found = body()
            code = found if isinstance(found, int) else 0
        except BaseException:  # noqa: BLE001  # the exit code tells
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def killed(body: Callable[[], object], *, silent: bool = False) -> bool:
    """Run *body*, which may kill itself, in a fork; tell whether it did.

    In no other way may it fail.
    """
    code = in_child(body, silent=silent)
    assert code != RAISED
    assert code >= 0 or code == -signal.SIGKILL
    return code < 0


def killed_at(number: int, body: Callable[[], object]) -> bool:
    """Run *body* in a fork that is killed before its change *number*; tell if it was.

    Processes that it has started count for themselves, and kill it, too.
    """

    def dying() -> None:
        pid = os.getpid()
        files.seam = Fault(number, lambda: os.kill(pid, signal.SIGKILL))
        body()

    return killed(dying)


def die() -> None:
    """End this process as nothing can be cleaned up after."""
    os.kill(os.getpid(), signal.SIGKILL)
