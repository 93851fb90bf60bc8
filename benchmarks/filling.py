"""Databases of the sample product, and what makes them larger."""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import transaction
from persistent.mapping import PersistentMapping
from ZODB.blob import Blob
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage

from benchmarks.databases import BLOB_BYTES, Database
from benchmarks.programs import output
from benchmarks.sites import OLD, Site
from benchmarks.sizes import DatabaseSize

_FOLDER = 1000  # objects that a folder refers to, and that a transaction writes
_NOISE = 1 << 20


def fill(folder: Path, site: Site, documents: int) -> Database:
    """Write a database with documents of the old release into *folder*."""
    folder.mkdir()
    found = Database(folder / "Data.fs", folder / "blobs")
    (folder / "zodb.conf").write_text(found.conf, encoding="utf-8")
    command = site.folder / "releases" / OLD / "bin" / "karl-fill"
    output([command, str(documents), "--revision", folder, "--quiet"], home=site.home)
    return found


def grown(source: Database, folder: Path, size: DatabaseSize) -> Database:
    """Copy a database into *folder*, and add what it lacks to *size*.

    What is added are objects of equal size, a part of them blobs, and the folders
    that refer to them: no evolve step has anything to do with them.
    """
    folder.mkdir()
    found = Database(folder / "Data.fs", folder / "blobs")
    shutil.copyfile(source.data, found.data)
    shutil.copytree(source.blobs, found.blobs)
    bytes_left = size.megabytes * 10**6 - found.data.stat().st_size
    plain = size.objects - size.blobs
    _add(found, plain, max(1, bytes_left // plain), size.blobs)
    return found


@contextlib.contextmanager
def opened(database: Database) -> Iterator[DB]:
    """Open a database that nobody serves."""
    db = DB(FileStorage(str(database.data), blob_dir=str(database.blobs)))
    try:
        yield db
    finally:
        db.close()


def _add(database: Database, plain: int, each: int, blobs: int) -> None:
    """Add objects of *each* bytes, and blobs."""
    noise = random.Random(plain).randbytes(_NOISE)
    manager = transaction.TransactionManager()
    with opened(database) as db:
        connection = db.open(manager)
        top = connection.root()["ballast"] = PersistentMapping()
        for first in range(0, plain + blobs, _FOLDER):
            folder = top[str(first)] = PersistentMapping()
            for number in range(first, min(first + _FOLDER, plain + blobs)):
                folder[str(number)] = (
                    _object(noise, number, each)
                    if number * plain // (plain + blobs)
                    != (number + 1) * plain // (plain + blobs)
                    else _blob(noise)
                )
            manager.commit()
            connection.cacheMinimize()
        connection.close()


def _object(noise: bytes, number: int, size: int) -> Any:
    # The record around it takes about a hundred bytes.
    size = min(max(1, size - 100), len(noise) // 2)
    start = number * 997 % (len(noise) - size)
    return PersistentMapping({"text": noise[start : start + size]})


def _blob(noise: bytes) -> Blob:
    blob = Blob()
    with blob.open("w") as stream:
        stream.write(noise[:BLOB_BYTES])
    return blob
