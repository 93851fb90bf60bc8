"""``evolve-run`` that was started ahead: it has its software, and waits to be told.

The software of a release takes longer to import than a small database to evolve, and
that need not be in the read-only window.  Such a process opens nothing before it is
told to begin; if we end, it ends.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from karl.recipe.evolve.upgrade import answers
from karl.recipe.release.base import process, waiting

#: What is called with each event.
Take = Callable[[Mapping[str, Any]], None]

#: Seconds that one that is not needed any more has to end by itself.
_PATIENCE = 1.0


@dataclass
class Events:
    """Lines of JSON in a file that grows, each taken once it is whole."""

    path: Path
    take: Take
    position: int = 0

    def read(self) -> None:
        """Take what was added."""
        with self.path.open("rb") as stream:
            stream.seek(self.position)
            added = stream.read()
        whole = added.rpartition(b"\n")[0]
        if not whole:
            return
        self.position += len(whole) + 1
        for line in whole.decode(errors="replace").split("\n"):
            event = answers.document(line)
            if event is not None:
                self.take(event)


@dataclass
class Ahead:
    """A process that waits to be told.

    :ivar path: what it writes on standard output.
    """

    path: Path
    _running: process.Running
    _told: int
    _closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @classmethod
    def start(cls, argv: Sequence[str | Path], errors: Path) -> Ahead:
        """Start a program that tells ``ready``, and begins when it reads a line.

        :param errors: the file that what it says on standard error is added to.
        :raises PrerequisiteError: there is no such program.
        """
        with contextlib.ExitStack() as stack:
            output = tempfile.NamedTemporaryFile(prefix="evolve-")  # noqa: SIM115
            path = Path(stack.enter_context(output).name)
            reads, writes = os.pipe()
            stack.callback(os.close, writes)
            try:
                program = process.while_running(
                    argv, log=path, patience=_PATIENCE, errors=errors, stdin=reads
                )
                running = stack.enter_context(program)
            finally:
                os.close(reads)
            return cls(path, running, writes, stack.pop_all())
        raise AssertionError  # pragma: no cover  # for mypy

    @property
    def waits(self) -> bool:
        """Tell whether it can be told to begin still."""
        return self._running() is None

    def is_ready(self, seconds: float) -> bool:
        """Tell whether it has its software, in time; else it has ended, or hangs."""
        found: list[Mapping[str, Any]] = []
        events = Events(self.path, found.append)

        def ready() -> bool:
            events.read()
            return not self.waits or any(each["event"] == "ready" for each in found)

        return waiting.eventually(ready, seconds) and self.waits

    def finish(self, take: Take, timeout: float) -> int | None:
        """Tell it to begin, and wait for its end; return its exit status.

        :param take: is given each event, while it runs.
        :param timeout: seconds after which it is killed; None is returned then.
        """
        events = Events(self.path, take)
        # It may have ended, which its status tells.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._told, b"begin\n")
        status = self._running.wait(lambda _: events.read(), timeout)
        events.read()
        return status

    def read(self, take: Take) -> None:
        """Take the events that there are."""
        Events(self.path, take).read()

    def close(self) -> None:
        """End it, whatever it does."""
        self._closing.close()
