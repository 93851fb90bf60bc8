"""How a tour ends that is told to, and that nothing of it goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

#: Seconds that processes have to end by themselves.
_PATIENCE = 10.0

#: Seconds between two looks.
_PAUSE = 0.2

_VARIABLE = "KARL_TOUR"

_PROC = Path("/proc")


def as_from_the_keyboard() -> contextlib.AbstractContextManager[None]:
    """Have a signal and a lost terminal end the tour as Ctrl-C does."""
    return _handled(_raise)


def undisturbed() -> contextlib.AbstractContextManager[None]:
    """Let nothing keep what runs from being stopped, but a kill."""
    return _handled(_ignore)


def mark(folder: Path) -> dict[str, str]:
    """Return the variable by which what a tour has started is known."""
    return {_VARIABLE: str(folder)}


def end_strays(folder: Path, patience: float = _PATIENCE) -> None:
    """End what a tour has started and nobody knows of any more.

    A command that was interrupted may leave a server that it had just started.

    :param patience: seconds that they have to end by themselves.
    """
    deadline, late = time.monotonic() + patience, False
    while not late and (found := list(strays(folder))):
        late = time.monotonic() > deadline
        for number in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(number, signal.SIGKILL if late else signal.SIGTERM)
        time.sleep(_PAUSE)


def strays(folder: Path) -> Iterator[int]:
    """Yield the processes that the tour in a folder has started."""
    wanted = os.fsencode(f"{_VARIABLE}={folder}")
    for process in _PROC.iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in process.joinpath("environ").read_bytes().split(b"\0"):
                    yield int(process.name)


def _raise(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _ignore(number: int, frame: FrameType | None) -> None:
    """Let it be; a handler, and not SIG_IGN, which our children would have too."""


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
