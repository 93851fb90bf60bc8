"""Telling on standard error that it lives."""

from __future__ import annotations

import sys
import time


class Progress:
    """Prints a line for every step, with the time since the start.

    :param quiet: print nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._start = time.monotonic()

    def say(self, text: str) -> None:
        """Print one line."""
        if not self.quiet:
            spent = time.monotonic() - self._start
            print(f"{spent:7.1f} s  {text}", file=sys.stderr, flush=True)
