"""The sample sites and their database server, as the sample buildouts make them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.ports import free_port

from karl.recipe.release.base.files import link_or_copy
from karl.recipe.release.base.process import clean_environment

CHECKOUT = Path(__file__).parents[2]
BUILDOUT = "import zc.buildout.buildout as b; b.main()"


@dataclass
class Samples:
    """A clone of this checkout, with what its buildouts make.

    :ivar port: where the site that is being tried listens.
    """

    root: Path
    port: int

    def buildout(self, name: str, *options: str) -> str:
        """Run a sample buildout."""
        file = self.root / "buildouts" / f"{name}.cfg"
        return self.run([sys.executable, "-c", BUILDOUT, "-c", file, *options])

    def site(self, name: str = "acme-prod") -> Path:
        """Return a site's folder."""
        return self.root / "sites" / name

    def copy(self, number: int, name: str = "acme-prod") -> Path:
        """Return the folder of a database copy."""
        return self.site("zeo-central") / name / "databases" / str(number)

    @property
    def url(self) -> str:
        """Where the site that is being tried is answered."""
        return f"http://127.0.0.1:{self.port}/"

    def run(self, words: list[Any], *, code: int = 0) -> str:
        """Run a program; fail if it ends with another code."""
        done = subprocess.run(
            words, cwd=self.root, env=clean_environment(HOME=str(self.root.parent)),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{words}\n{done.stdout}{done.stderr}"
        return done.stdout

    def do(self, command: str, *words: str, code: int = 0) -> Any:
        """Run a command, such as ``acme-prod/bin/evolve``; return its JSON."""
        path = self.root / "sites" / command
        return json.loads(self.run([path, *words, "--json"], code=code))

    def zeoctl(self, verb: str, storage: str, *words: str) -> Any:
        """Run a verb for one storage; return its result."""
        found = self.do("zeo-central/bin/zeoctl", verb, storage, *words)
        return found["storages"][storage]

    def python(self, release: str, text: str, *words: Any) -> Any:
        """Run Python with the software of a release; return the JSON that it prints."""
        python = self.site() / "releases" / release / "bin" / "python"
        return json.loads(self.run([python, "-B", "-c", text, *words]))

    def end(self) -> None:
        """Stop everything, and remove it."""
        for command in (
            [self.site() / "bin/site", "stop"],
            [self.site("zeo-central") / "bin/zeoctl", "stop", "--all", "--supervisor"],
        ):
            with contextlib.suppress(AssertionError, OSError):
                self.run(command)
        for folder, _, _ in os.walk(self.root.parent):
            Path(folder).chmod(0o755)
        shutil.rmtree(self.root.parent)


@contextlib.contextmanager
def cloned() -> Iterator[Samples]:
    """Clone the last commit of this checkout, and link what its pool has already."""
    # A short path: sockets are below it.
    base = Path(tempfile.mkdtemp(prefix="k", dir="/tmp"))
    samples = Samples(base / "k", free_port())
    try:
        subprocess.run(["git", "clone", "-q", CHECKOUT, samples.root], check=True)
        if (CHECKOUT / "pool").is_dir():
            shutil.copytree(
                CHECKOUT / "pool",
                samples.root / "pool",
                copy_function=link_or_copy,
                ignore=shutil.ignore_patterns(".locks", ".logs", ".partial-*", ".lock"),
            )
        yield samples
    finally:
        samples.end()
