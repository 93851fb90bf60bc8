"""A small site with a catalog, packages that evolve it, and the process that does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import transaction
from BTrees.OOBTree import OOBTree
from persistent import Persistent
from ZODB import DB
from ZODB.FileStorage import FileStorage

TESTS = Path(__file__).parents[1]
SOURCE = TESTS.parent / "src" / "karl.recipe.evolve" / "src"

WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta")


class Note(Persistent):
    """A document."""

    def __init__(self, number: int) -> None:
        self.docid = number * 7 + 1
        self.title = f"Note {number}"
        self.website = "" if number % 3 == 0 else f"www{number % 50}.example"
        first, second = WORDS[number % 8], WORDS[number // 8 % 8]
        self.text = f"{first} {second} number{number % 100}"
        self.visits = 0


class Site(Persistent):
    """Notes by name, and a catalog of them."""

    def __init__(self, catalog: Any) -> None:
        self.notes = OOBTree()
        self.catalog = catalog
        self.documents = OOBTree()

    def add(self, number: int) -> Note:
        """Add a note, in every index."""
        note = Note(number)
        name = f"n{number:07}"
        self.notes[name] = note
        self.documents[note.docid] = name
        self.catalog.index_doc(note.docid, note)
        return note


def website(note: Any, default: Any) -> Any:
    """Return what the index of websites keeps."""
    return note.website or default


def repoze_catalog(*, text: bool = True) -> Any:
    """Return a catalog of repoze.catalog."""
    from repoze.catalog.catalog import Catalog
    from repoze.catalog.indexes.field import CatalogFieldIndex
    from repoze.catalog.indexes.keyword import CatalogKeywordIndex
    from repoze.catalog.indexes.text import CatalogTextIndex

    catalog = Catalog()
    catalog["title"] = CatalogFieldIndex("title")
    catalog["website"] = CatalogFieldIndex(website)
    if text:
        catalog["words"] = CatalogKeywordIndex(words)
        catalog["text"] = CatalogTextIndex("text")
    return catalog


def hypatia_catalog() -> Any:
    """Return a catalog of hypatia."""
    from hypatia.catalog import Catalog
    from hypatia.field import FieldIndex
    from hypatia.keyword import KeywordIndex
    from hypatia.text import TextIndex

    catalog = Catalog()
    catalog["title"] = FieldIndex("title")
    catalog["website"] = FieldIndex(website)
    catalog["words"] = KeywordIndex(words)
    catalog["text"] = TextIndex("text")
    return catalog


def words(note: Any, default: Any) -> Any:
    """Return what the index of words keeps."""
    return note.text.split() or default


CATALOGS = {"repoze": repoze_catalog, "hypatia": hypatia_catalog}


@contextmanager
def database(path: Path, *, read_only: bool = False) -> Iterator[Any]:
    """Open a database's file; yield its root."""
    with sessions(path, read_only=read_only) as database_:
        connection = database_.open()
        try:
            yield connection.root()
        finally:
            transaction.abort()
            connection.close()


@contextmanager
def sessions(path: Path, *, read_only: bool = False) -> Iterator[Any]:
    """Open a database's file; yield the ``ZODB.DB``."""
    transaction.abort()
    database_ = DB(FileStorage(str(path), read_only=read_only))
    try:
        yield database_
    finally:
        transaction.abort()
        database_.close()


def fill(path: Path, count: int, catalog: Any = None) -> Path:
    """Make a database with a site of *count* notes; return its Data.fs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with database(path) as root:
        site = root["site"] = Site(repoze_catalog() if catalog is None else catalog)
        for number in range(count):
            site.add(number)
            if number % 2000 == 1999:
                transaction.commit()
                root._p_jar.cacheGC()
        transaction.commit()
    return path


def content(path: Path) -> dict[str, Any]:
    """Return all that a site says, whatever its trees look like inside."""
    with database(path, read_only=True) as root:
        site = root["site"]
        return {
            "notes": {
                name: dict(note.__getstate__()) for name, note in site.notes.items()
            },
            "indexes": {
                name: index_content(index) for name, index in site.catalog.items()
            },
            "versions": dict(root.get("repoze.evolution", {})),
            "keys": sorted(root),
        }


def index_content(index: Any) -> dict[str, Any]:
    """Return what an index knows."""
    silent = list(getattr(index, "_not_indexed", ()))
    if hasattr(index, "_rev_index"):
        return {
            "silent": silent,
            "values": {
                docid: value if isinstance(value, str) else sorted(value)
                for docid, value in index._rev_index.items()
            },
            "forward": {
                value: sorted(docids) for value, docids in index._fwd_index.items()
            },
        }
    found = {
        word: sorted(index.apply(word)) for word in (*WORDS, "number7", "number42")
    }
    return {"silent": silent, "docids": list(index.index._docwords), "found": found}


def install(
    folder: Path,
    module: str,
    files: Mapping[str, str],
    *,
    requires: tuple[str, ...] = (),
) -> None:
    """Install a package that evolves into *folder*, as pip would.

    :param module: its dotted name; it is its own evolve package.
    :param files: the texts of its modules.
    """
    place = folder.joinpath(*module.split("."))
    place.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        (place / f"{file}.py").write_text(dedent(text))
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir(exist_ok=True)
    needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n{needs}"
    )
    (info / "entry_points.txt").write_text(f"[karl.evolve]\n{module} = {module}\n")


def run(
    folder: Path, *arguments: object, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command with what is installed in *folder*."""
    return subprocess.run(
        command(folder, *arguments),
        env=surroundings(folder, **environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def command(folder: Path, *arguments: object) -> list[str]:
    """Return the command as a list."""
    module = "karl.recipe.evolve.running"
    return [sys.executable, "-W", "error", "-m", module, *map(str, arguments)]


def surroundings(folder: Path, **environment: str) -> dict[str, str]:
    """Return the environment in which it finds what is installed in *folder*."""
    path = os.pathsep.join(map(str, (folder, TESTS)))
    return {**os.environ, "PYTHONPATH": path, **environment}


def events(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """Return the events of a run with ``--json``."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def event(result: subprocess.CompletedProcess[str], name: str) -> dict[str, Any]:
    """Return the one event of this name."""
    (found,) = [entry for entry in events(result) if entry["event"] == name]
    return found
