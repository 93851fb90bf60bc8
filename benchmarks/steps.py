"""Databases of documents with a catalog, and evolve steps that are run on them."""

from __future__ import annotations

import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.programs import ROOT, output

#: What the steps and the documents are imported from.
EVOLVING = Path(__file__).resolve().parent / "evolving"

_SOURCES = ROOT / "src" / "karl.recipe.evolve" / "src"

#: Starts another process as a child of a small one: the kernel counts what the parent
#: has in memory for the child's, too.
_SMALL = ("/bin/sh", "-c", '"$@"; exit $?', "sh")


@dataclass(frozen=True)
class Documents:
    """A database of documents.

    :ivar schemes: one of so many lacks what the steps add.
    """

    catalog: str
    count: int
    words: int
    schemes: int = 1

    def write(self, folder: Path, home: Path) -> Path:
        """Write it into a new *folder*; return its Data.fs."""
        folder.mkdir()
        path = folder / "Data.fs"
        numbers = [str(each) for each in (self.count, self.words, self.schemes)]
        argv: list[str | Path] = [
            sys.executable, "-m", "documents", path, self.catalog, *numbers
        ]  # fmt: skip
        output(argv, home=home, variables=_variables())
        return path


@dataclass(frozen=True)
class Evolved:
    """What ``evolve-run`` told.

    :ivar seconds: of all steps.
    :ivar reindexing: seconds of the pass over the catalog; 0: there was none.
    :ivar peak: bytes of memory, the most that the process had.
    :ivar indexes: documents by index, as they were brought up to date.
    """

    seconds: float
    reindexing: float
    peak: int
    indexes: dict[str, int]


def evolve(source: Path, package: str, folder: Path, home: Path) -> Evolved:
    """Evolve a copy of a database by the step of a package.

    :param folder: a new one, for the copy.
    """
    folder.mkdir()
    copy = folder / source.name
    for suffix in ("", ".index"):
        shutil.copyfile(f"{source}{suffix}", f"{copy}{suffix}")
    argv: list[str | Path] = [
        *_SMALL, sys.executable, "-m", "karl.recipe.evolve.running", "--data", copy,
        "--package", package, "--evolve", "--json",
    ]  # fmt: skip
    os.sync()
    text = output(argv, home=home, variables=_variables())
    events: dict[str, Any] = {}
    for line in text.splitlines():
        event = json.loads(line)
        events[event["event"]] = event
    passed = events.get("reindex_end", {"seconds": 0.0, "indexes": {}})
    end = events["end"]
    return Evolved(
        end["seconds"], passed["seconds"], end["peak_memory"], passed["indexes"]
    )


def python(script: str, *words: str | Path) -> str:
    """Run a script that can import the documents; return what it printed."""
    argv: list[str | Path] = [sys.executable, "-c", script, *words]
    return output(argv, home=ROOT, variables=_variables())


def pool() -> ThreadPoolExecutor:
    """Return what has two processes running at once, a processor each."""
    return ThreadPoolExecutor(2)


def _variables() -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join(map(str, (EVOLVING, _SOURCES)))}
