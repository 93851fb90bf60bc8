"""Text for people: progress, tables and colour, on a terminal or in a log."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Sequence
from typing import TextIO

from karl.recipe.release.base.reporter import Task, counted

#: Seconds between two updates of a bar, and between two lines in a log.
_BAR_INTERVAL = 0.1
_LINE_INTERVAL = 10.0
_BAR_WIDTH = 24

_CODES = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


class Console:
    """A reporter that writes to *stream* (default: standard error).

    What nobody can read any more, as when a connection was lost, is dropped: it must
    not stop what is being done.
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.quiet = quiet
        self.terminal = self.stream.isatty()
        self.colour = self.terminal and not os.environ.get("NO_COLOR")

    def paint(self, text: str, colour: str) -> str:
        """Return *text* in *colour*, where colour is wanted."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.colour else text

    def line(self, text: str) -> None:
        """Write one line."""
        self.write(text + "\n")

    def write(self, text: str) -> None:
        """Write *text* as it is."""
        try:
            self.stream.write(text)
            self.stream.flush()
        except OSError:
            abandon(self.stream)

    def say(self, text: str) -> None:
        """Tell one fact or one step, unless quiet."""
        if not self.quiet:
            self.line(text)

    def warn(self, text: str) -> None:
        """Tell something the operator should know, also when quiet."""
        self.line(f"{self.paint('warning:', 'yellow')} {text}")

    def task(self, label: str, total: int | None = None, unit: str = "") -> Task:
        """Begin long work that is shown as a bar, or as lines in a log."""
        return ConsoleTask(self, label, total, unit)


class ConsoleTask:
    """Progress with rate and time left."""

    def __init__(
        self, console: Console, label: str, total: int | None, unit: str
    ) -> None:
        self.console = console
        self.label = label
        self.total = total
        self.unit = unit
        self.count = 0
        self.start = time.monotonic()
        self._shown = self.start
        self._interval = _BAR_INTERVAL if console.terminal else _LINE_INTERVAL
        if not console.terminal:
            console.say(f"{label} ...")

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Count *amount* more units and show it, if it is time to."""
        self.count += amount
        now = time.monotonic()
        if now - self._shown >= self._interval:
            self._shown = now
            self._show(self._describe(now - self.start, note))

    def done(self, note: str = "") -> None:
        """Show how long it took."""
        seconds = time.monotonic() - self.start
        amount = f", {counted(self.count, self.unit)}" if self.count else ""
        self._clear()
        text = f"{self.label}: done{amount} in {seconds:.1f} s"
        self.console.say(f"{text} ({note})" if note else text)

    def _describe(self, elapsed: float, note: str) -> str:
        tail = f" {note}" if note else ""
        if not self.total:
            return f"{self.label} ... {elapsed:.0f} s{tail}"
        rate = self.count / elapsed if elapsed else 0.0
        left = (self.total - self.count) / rate if rate else 0.0
        share = min(1.0, self.count / self.total)
        filled = round(share * _BAR_WIDTH)
        bar = f"[{'#' * filled}{'.' * (_BAR_WIDTH - filled)}] "
        return (
            f"{self.label} {bar if self.console.terminal else ''}"
            f"{self.count}/{self.total} {self.unit} "
            f"{rate:.0f}/s, {left:.0f} s left{tail}"
        )

    def _show(self, text: str) -> None:
        if self.console.quiet:
            return
        if self.console.terminal:
            self.console.write(f"\r\x1b[K{text}")
        else:
            self.console.line(text)

    def _clear(self) -> None:
        if self.console.terminal and not self.console.quiet:
            self.console.write("\r\x1b[K")


def abandon(stream: TextIO) -> None:
    """Let what is written to a stream, and what it holds already, go nowhere."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return *rows* under *heads* as aligned columns."""
    widths = [
        max(len(str(row[place])) for row in (heads, *rows))
        for place in range(len(heads))
    ]
    return "\n".join(
        "  ".join(
            str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in (heads, *rows)
    )
