"""What the tour says: chapters, what they show, and one table at the end."""

from __future__ import annotations

import shutil
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from karl.recipe.release.base.console import Console, table

_INDENT = "     "


@dataclass
class Row:
    """A line of the table.

    :ivar seconds: how long it took.
    :ivar found: what came of it.
    """

    what: str
    seconds: float = 0.0
    found: str = ""


@dataclass
class Teller:
    """Tells the story on a console, and keeps what the table needs.

    :ivar count: how many chapters there are.
    """

    console: Console
    count: int
    rows: list[Row] = field(default_factory=list)
    number: int = 0

    @contextmanager
    def chapter(self, title: str, why: str) -> Iterator[Row]:
        """Tell what is done and why it matters; time the body.

        The body says in the row's ``found`` what came of it.
        """
        self.number += 1
        head = f"{self.number:2}/{self.count} {title}"
        self.console.say("")
        self.console.say(self.console.paint(head, "bold"))
        self.tell(why)
        row, began = Row(title), time.monotonic()
        yield row
        row.seconds = time.monotonic() - began
        self.rows.append(row)
        mark = self.console.paint("ok", "green")
        self.console.say(f"{_INDENT}{mark}  {row.seconds:.1f} s  {row.found}")

    def tell(self, text: str) -> None:
        """Say something in plain words."""
        width = min(88, shutil.get_terminal_size().columns) - len(_INDENT)
        for line in textwrap.wrap(text, max(40, width)):
            self.console.say(f"{_INDENT}{line}")

    def command(self, line: str) -> None:
        """Show what is typed."""
        self.console.say(self.console.paint(f"{_INDENT}$ {line}", "dim"))

    def said(self, text: str) -> None:
        """Show what a command said, a few lines of it."""
        for line in text.strip().splitlines():
            self.console.say(f"{_INDENT}  {line}")

    def summary(self) -> str:
        """Return the table."""
        rows = [(row.what, f"{row.seconds:.1f} s", row.found) for row in self.rows]
        return table(("what was done", "took", "what came of it"), rows)
