"""What happens when a run is told to end: what it did is undone, in order."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from karl.recipe.release.base.command import INTERRUPTED
from karl.recipe.release.base.errors import KarlError

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class InterruptedRunError(KarlError):
    """A run was told to end, from the keyboard or by a signal."""

    exit_code = INTERRUPTED


def told(error: BaseException) -> KarlError:
    """Return an error that ended a step as one of ours."""
    if isinstance(error, KarlError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return InterruptedRunError("It was interrupted.", "Run it again.")
    if isinstance(error, OSError):
        return KarlError(
            f"The system said: {error}.",
            "Check free space, permissions and the path, then run it again.",
        )
    return KarlError(
        f"This was not foreseen: {type(error).__name__}: {error}.",
        "A command may have answered with what is not its answer: see commands.log.",
    )


def _raise(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _ignore(number: int, frame: FrameType | None) -> None:
    """Let it be; a handler, and not SIG_IGN, which our children would have too."""


def caught() -> contextlib.AbstractContextManager[None]:
    """Have a lost terminal, too, end a run like the keyboard does."""
    return _handled(_raise)


def ignored() -> contextlib.AbstractContextManager[None]:
    """Let nothing end what is being undone, but a kill."""
    return _handled(_ignore)


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
