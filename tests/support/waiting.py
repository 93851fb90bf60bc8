"""Waiting for what must become true; for a time nothing waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

#: Seconds between two looks.
_PAUSE = 0.02


def eventually(
    what: Callable[[], Any], message: str = "it never came true", seconds: float = 30.0
) -> Any:
    """Return the first truth that *what* returns; errors count as untrue."""
    deadline = time.monotonic() + seconds
    while True:
        error: Exception | None = None
        try:
            found = what()
        except Exception as caught:  # noqa: BLE001
            found, error = None, caught
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(message) from error
        time.sleep(_PAUSE)
