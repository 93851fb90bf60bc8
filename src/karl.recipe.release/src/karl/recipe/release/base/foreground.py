"""Running a program that ends by itself when it is told to, and is never killed.

It is told what we are told (``SIGINT``, ``SIGTERM``, ``SIGHUP``), and waited for: it
may have something to undo.  If we are killed, it goes on.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from karl.recipe.release.base.errors import PrerequisiteError

_logger = logging.getLogger(__name__)

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(
    argv: Sequence[object],
    *,
    output: Path,
    errors: Path,
    beat: Callable[[float], None],
) -> int:
    """Run a program to its end; return its exit status.

    :param output: a file that its standard output is appended to.
    :param errors: a file that its standard error is appended to.
    :param beat: called about every second with the seconds since the start.
    :raises PrerequisiteError: there is no such program.
    :raises KeyboardInterrupt: we were told to end; the program has ended, too.
    """
    words = [str(word) for word in argv]
    _logger.debug("run %s", words)
    with output.open("ab") as told, errors.open("ab") as said:
        try:
            child = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=said,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise PrerequisiteError(
                f"The program {words[0]} is not on this machine.",
                "Install it, or correct the PATH.",
            ) from None
    with _telling(child) as ending:
        start = time.monotonic()
        while True:
            try:
                status = child.wait(timeout=1.0)
                break
            except subprocess.TimeoutExpired:
                beat(time.monotonic() - start)
    if ending:
        raise KeyboardInterrupt
    return status


@contextlib.contextmanager
def _telling(child: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """Pass on to a program what we are told; give the signals that came."""
    came: list[int] = []

    def tell(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGTERM)

    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = {number: signal.signal(number, tell) for number in _SIGNALS}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
