"""The folder in which a tour happens, and the programs that it runs there."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from karl.recipe.release.base import files, process
from karl.recipe.release.base.errors import KarlError, ProcessError
from tour import ending
from tour.telling import Teller

#: What of the checkout a tour works with; the rest it makes itself.
_COPIED = ("buildouts", "examples")
_INDEXES = ("karl", "toolchain", "zeo")


class UnexpectedError(KarlError):
    """Something did not happen that the tour had promised."""

    exit_code = 1


@dataclass
class Workshop:
    """A folder with indexes, releases, servers and a site of its own.

    All is made here, and removed in the end; but the pool is one that stays, so that
    nothing is downloaded twice.

    :ivar closing: what must be stopped before the folder can go, newest last.
    """

    checkout: Path
    root: Path
    pool: Path
    teller: Teller
    closing: list[Callable[[], object]] = field(default_factory=list)
    port: int = 0

    @property
    def log(self) -> Path:
        """Where all that the programs say is kept."""
        return self.root / "log.txt"

    @property
    def site(self) -> Path:
        """The site that the tour is about."""
        return self.root / "sites" / "acme-prod"

    @property
    def central(self) -> Path:
        """The database server."""
        return self.root / "sites" / "zeo-central"

    def furnish(self, port: int) -> None:
        """Copy what the tour begins with.

        :param port: where the site is going to listen.
        """
        self.port = port
        unwanted = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info")
        for name in _COPIED:
            source = self.checkout / name
            shutil.copytree(source, self.root / name, ignore=unwanted)
        for name in _INDEXES:
            source = self.checkout / "indexes" / name
            shutil.copytree(source, self.root / "indexes" / name, symlinks=True,
                            ignore=shutil.ignore_patterns("simple"))  # fmt: skip

    def run(self, *words: str | Path, expect: int = 0, shown: str = "") -> str:
        """Run a program; return what it printed.

        :param expect: exit code that it must have.
        :param shown: the line that is shown instead of the words.
        :raises UnexpectedError: it ended otherwise.
        """
        return self._checked(words, expect, shown, apart=False)

    def answer(self, *words: str | Path, expect: int = 0, shown: str = "") -> Any:
        """Run a program with ``--json``; return what it answered.

        Its exit code and its line are as those of :meth:`run`.
        """
        line = shown or self._line(words)
        text = self._checked([*words, "--json", "--quiet"], expect, line, apart=True)
        return json.loads(text)

    def _checked(
        self, words: Sequence[str | Path], expect: int, shown: str, *, apart: bool
    ) -> str:
        self.teller.command(shown or self._line(words))
        status, text = self._run(words, apart=apart)
        if status != expect:
            self.teller.said(text[-2000:])
            raise UnexpectedError(
                f"{Path(str(words[0])).name} ended with {status}, and {expect} was "
                "expected.",
                f"What it said is above, and in {self.log}.",
            )
        return text

    def buildout(self, name: str, *options: str, expect: int = 0) -> str:
        """Run buildout for a customer's file."""
        settings = []
        # Of an option that is given twice buildout takes any.
        if not any(option.startswith("karl:pool=") for option in options):
            settings.append(f"karl:pool={self.pool}")
        if name != "zeo-central":
            settings.append(f"site:address={self.port}")
        path = self.root / "buildouts" / f"{name}.cfg"
        words = ["bin/buildout", "-c", f"buildouts/{name}.cfg", *options]
        return self.run(
            self.checkout / "bin" / "buildout", "-c", path, *settings, *options,
            expect=expect, shown=self._line(words),
        )  # fmt: skip

    def index(self, *words: str | Path, expect: int = 0) -> str:
        """Run ``karl-index`` for the tour's own indexes."""
        line = f"bin/karl-index {self._line(words)}"
        return self.run(
            self.checkout / "bin" / "karl-index", *words,
            "--pool", self.pool, "--indexes", self.root / "indexes",
            expect=expect, shown=line,
        )  # fmt: skip

    def close(self, *, removed: bool) -> None:
        """Stop what runs, however the tour ended.

        :param removed: the folder, too.
        """
        with ending.undisturbed():
            while self.closing:
                try:
                    self.closing.pop()()
                except (KarlError, OSError) as error:
                    self.teller.console.warn(str(error))
            ending.end_strays(self.root)
            if removed:
                files.remove_tree(self.root)

    def _run(self, words: Sequence[str | Path], *, apart: bool) -> tuple[int, str]:
        """Return how a program ended and what it printed.

        :param apart: without what it printed on standard error.
        """
        environment = process.clean_environment(
            HOME=os.environ.get("HOME") or str(self.root),
            **ending.mark(self.root),
            **{k: v for k, v in os.environ.items() if k.startswith(("PIP_", "UV_"))},
        )
        with self.log.open("a") as stream:
            stream.write(f"\n$ {' '.join(map(str, words))}\n")
        try:
            return 0, process.run(
                words,
                env=environment,
                cwd=self.root,
                log=None if apart else self.log,
                errors=self.log if apart else None,
            )
        except ProcessError as error:
            return error.status, error.output

    def _line(self, words: Sequence[str | Path]) -> str:
        """Return what a person would type in the folder."""
        text = shlex.join(str(word) for word in words)
        for folder in (self.root, self.checkout):
            text = text.replace(f"{folder}/", "")
        return text
