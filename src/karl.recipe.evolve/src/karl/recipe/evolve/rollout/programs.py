"""Driving karl-index, buildout and the site's commands, here or on its machine.

What they answer is JSON, and nothing else counts.  A program on another machine is
run through ssh, as one line for that machine's shell, each word quoted.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from karl.recipe.evolve.rollout.model import Rollouts
from karl.recipe.evolve.rollout.places import site_command
from karl.recipe.evolve.upgrade import answers
from karl.recipe.release.base import foreground, process
from karl.recipe.release.base.errors import (
    DamagedError,
    ProcessError,
    UnreachableError,
)
from karl.recipe.release.base.reporter import Reporter

#: Exit status of ssh when it could not reach the host, or lost it.
_SSH_FAILED = 255

#: Exit status of a shell that finds no such program.
_NO_PROGRAM = 127

#: Verbs of karl-index that only look.
_LOOKING = frozenset({"list", "show", "diff"})

Word = str | PurePosixPath


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    :ivar status: exit status; negative: the signal that ended it.
    :ivar text: what it wrote on standard output.
    """

    status: int
    text: str


@dataclass
class Programs:
    """The commands that a rollout drives.

    What karl-index tells here is remembered until it is asked to change something.

    :ivar log: the file that what they say besides their answers is added to.
    """

    declared: Rollouts
    reporter: Reporter
    log: Path = Path(os.devnull)
    _told: dict[tuple[str, ...], Any] = field(default_factory=dict, init=False)

    def karl_index(self, *words: Word) -> Any:
        """Run a verb of karl-index here; return its result.

        :raises KarlError: what it ended with.
        """
        asked = tuple(map(str, words))
        if asked[0] not in _LOOKING:
            self._told.clear()
            return self._karl_index(words)
        if asked not in self._told:
            self._told[asked] = self._karl_index(words)
        return self._told[asked]

    def _karl_index(self, words: Sequence[Word]) -> Any:
        here = self.declared.here
        places: list[Word] = ["--base", here.root]
        places += ["--pool", here.pool, "--indexes", here.indexes]
        argv: list[Word] = [here.karl_index, *words, *places, "--json", "--quiet"]
        return self._result("karl-index", self._run(argv))

    def karl_index_there(self, *words: Word) -> Any:
        """Run a verb of karl-index on the site's machine; return its result."""
        if not self.declared.host:
            return self.karl_index(*words)
        argv: list[Word] = [self.declared.there.karl_index, *words]
        return self._result("karl-index", self.there(*argv, "--json", "--quiet"))

    def site(self, command: str, *words: str) -> Any:
        """Run a command of the site, such as ``switch-version``; return its result.

        :raises KarlError: what it ended with.
        """
        path = site_command(self.declared.site_root, command)
        return self._result(command, self.there(path, *words, "--json", "--quiet"))

    def has_command(self, command: str) -> bool:
        """Tell whether the site has a command."""
        return self.holds("-x", site_command(self.declared.site_root, command))

    def holds(self, test: str, path: PurePosixPath) -> bool:
        """Tell what ``test`` finds of a path on the site's machine.

        :param test: such as ``-f``.
        """
        return self.there("test", test, path).status == 0

    def there(self, *words: Word, stdin: Path | None = None) -> Ended:
        """Run a program on the site's machine to its end, however that is.

        :param stdin: a file that it reads as its standard input.
        :raises UnreachableError: the machine cannot be reached.
        """
        return self._reached(self._run(self._leading_there(words), stdin=stdin))

    def must(self, *words: Word, stdin: Path | None = None) -> str:
        """Run a program on the site's machine; return what it printed.

        :raises KarlError: it failed.
        """
        ended = self.there(*words, stdin=stdin)
        if ended.status != 0:
            name = PurePosixPath(words[0]).name
            raise answers.failure(
                name, 1, f"it ended with status {ended.status}.", f"See {self.log}."
            )
        return ended.text

    def long(
        self,
        words: Sequence[Word],
        beat: Callable[[float], None],
        *,
        logged: bool = False,
    ) -> tuple[int, str]:
        """Run a program on the site's machine that takes long; it may be told to end.

        If this process is killed, it goes on.

        :param beat: called about every second with the seconds since the start.
        :param logged: what it prints is for the log, too, and not returned.
        :return: its exit status, and what it wrote on standard output.
        :raises UnreachableError: the machine cannot be reached.
        """
        with tempfile.NamedTemporaryFile(prefix="answer-") as output:
            path = Path(output.name)
            told = self.log if logged else path
            argv = self._leading_there(words)
            status = foreground.run(argv, output=told, errors=self.log, beat=beat)
            ended = self._reached(Ended(status, path.read_text(errors="replace")))
        return ended.status, ended.text

    def _leading_there(self, words: Sequence[Word]) -> list[Word]:
        if not self.declared.host:
            return list(words)
        line = shlex.join(map(str, words))
        return [*self.declared.ssh, self.declared.host, line]

    def _reached(self, ended: Ended) -> Ended:
        if self.declared.host and ended.status == _SSH_FAILED:
            raise UnreachableError(
                f"{self.declared.host} could not be reached, or the connection was "
                f"lost: {shlex.join(self.declared.ssh)} ended with status "
                f"{_SSH_FAILED}.",
                f"What was begun there may go on. See {self.log}; then run rollout "
                "again.",
            )
        return ended

    def _run(self, argv: Sequence[Word], *, stdin: Path | None = None) -> Ended:
        """Run a program to its end; what it says on standard error goes to the log."""
        with tempfile.NamedTemporaryFile(prefix="answer-") as output:
            path, status = Path(output.name), 0
            words = [str(word) for word in argv]
            try:
                process.run(words, log=path, errors=self.log, stdin=stdin)
            except ProcessError as error:
                status = error.status
            return Ended(status, path.read_text(errors="replace"))

    def _result(self, what: str, ended: Ended) -> Any:
        return self.result(what, ended.status, ended.text)

    def result(self, what: str, status: int, text: str) -> Any:
        """Return what a command answered.

        :raises KarlError: what it ended with.
        """
        found: Mapping[str, Any] | None = answers.document(text)
        if told := answers.told_error(found):
            raise answers.failure(what, told[2], told[0], told[1])
        if status == _NO_PROGRAM and found is None:
            raise answers.failure(
                what, 3, "it is not there.", "Run the site's buildout on its machine."
            )
        if found is None or status != _expected(found):
            raise answers.failure(
                what,
                1,
                f"it ended with status {status} and no answer that can be read.",
                f"See {self.log}.",
            )
        return found


def _expected(found: Mapping[str, Any]) -> int:
    """Return the exit code that goes with an answer; what verifies tells of damage."""
    usual = DamagedError.exit_code if found.get("intact") is False else 0
    return int(found.get("exit", usual))
