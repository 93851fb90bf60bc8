"""Opening the database that evolves: from its configuration, or its file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from karl.recipe.evolve.running.errors import (
    BusyError,
    RefusedError,
    UnreachableError,
    UsageError,
)

#: ``overlay``: what is written goes to a temporary file, and then nowhere.
Mode = Literal["read", "overlay", "write"]


@dataclass(frozen=True)
class Source:
    """Where a database is: either its configuration, or its file.

    :param configuration: a ``zodb.conf``.
    :param data: a ``Data.fs``.
    :param blobs: the folder of its blobs.
    """

    configuration: Path | None = None
    data: Path | None = None
    blobs: Path | None = None


@contextmanager
def opened(source: Source, mode: Mode) -> Iterator[Any]:
    """Open a database (``ZODB.DB``), and close it afterwards.

    A file that is missing is not made.

    :raises RefusedError: there is no database.
    :raises BusyError: another process writes to it.
    """
    from ZODB import DB
    from ZODB.POSException import ReadOnlyError

    with ExitStack() as stack:
        storage = _storage(source, read_only=mode != "write")
        stack.callback(storage.close)
        if mode == "overlay":
            storage = stack.enter_context(_overlay(storage))
        try:
            database = DB(storage)
        except ReadOnlyError as error:
            raise RefusedError(
                "The database is empty.", "Let the site create its data first."
            ) from error
        stack.enter_context(closing(database))
        yield database


def _storage(source: Source, *, read_only: bool) -> Any:
    from zc.lockfile import LockError

    try:
        if source.configuration is not None:
            return _configured(source.configuration, read_only=read_only)
        return _file(source, read_only=read_only)
    except LockError as error:
        raise BusyError(
            "Another process has the database open for writing.",
            "Evolve only a copy that is not served.",
        ) from error


def _file(source: Source, *, read_only: bool) -> Any:
    from ZODB.FileStorage import FileStorage

    data = source.data
    if data is None:
        raise UsageError("No database is named.", "Give --data or --zodb-conf.")
    _must_exist(data)
    blobs = source.blobs
    if blobs is not None and not blobs.is_dir():
        raise RefusedError(
            f"There is no folder {blobs}.", "Name the folder of the blobs."
        )
    return FileStorage(
        str(data),
        read_only=read_only,
        blob_dir=None if blobs is None else str(blobs),
    )


def _configured(path: Path, *, read_only: bool) -> Any:
    from ZConfig import ConfigurationError, loadConfig
    from ZODB.config import getDbSchema

    if not path.is_file():
        raise RefusedError(f"There is no file {path}.", "Name a zodb.conf.")
    try:
        configuration, _ = loadConfig(getDbSchema(), str(path))
    except ConfigurationError as error:
        raise UsageError(f"{path} is no such configuration: {error}.") from error
    factory = configuration.database[0].config.storage
    part: Any = factory
    while part is not None:
        settings: Any = getattr(part, "config", object())
        if type(part).__name__ == "FileStorage":
            _must_exist(Path(settings.path))
        if read_only and hasattr(settings, "read_only"):
            settings.read_only = True
        part = getattr(settings, "base", None)
    try:
        return factory.open()
    except Exception as error:
        if type(error).__name__ == "ClientDisconnected":
            raise UnreachableError(
                "The database's server does not answer.", "Start it."
            ) from error
        raise


def _must_exist(path: Path) -> None:
    if not path.is_file():
        raise RefusedError(
            f"There is no database {path}.", "Name the Data.fs of a copy."
        )


@contextmanager
def _overlay(base: Any) -> Iterator[Any]:
    from ZODB.DemoStorage import DemoStorage
    from ZODB.FileStorage import FileStorage

    with tempfile.TemporaryDirectory(prefix="evolve-") as folder:
        changes = FileStorage(
            os.path.join(folder, "Data.fs"), blob_dir=os.path.join(folder, "blobs")
        )
        storage = DemoStorage(base=base, changes=changes)
        try:
            yield storage
        finally:
            changes.close()
