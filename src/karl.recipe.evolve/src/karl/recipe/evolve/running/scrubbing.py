"""Making another site's data fit to be seen: functions, then nothing old is kept.

What a function changes is still in the database's history: packing takes it from there.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from karl.recipe.evolve.running.errors import (
    BusyError,
    RefusedError,
    UsageError,
    told,
)
from karl.recipe.evolve.running.events import Listener
from karl.recipe.evolve.running.session import Session
from karl.recipe.evolve.running.storages import Source
from karl.recipe.evolve.steps import EvolveError

#: What FileStorage adds to the name of Data.fs: for what was, and what it writes.
_OLD, _NEW = ".old", ".pack"


def call(session: Session, name: str) -> None:
    """Call a function with the root of the database, and commit what it did.

    :param name: ``package.module:function``.
    :raises UsageError: there is no such function.
    :raises EvolveError: it failed; what it had not committed is thrown away.
    """
    function = _function(name)
    began = time.monotonic()
    session.stop.uninterruptible = True
    session.begin()
    try:
        function(session.root)
        session.commit(f"evolve: {name}")
    except Exception as error:
        session.abort()
        raise EvolveError(
            f"The function {name} failed: {told(error)}.", "Correct it."
        ) from error
    finally:
        session.stop.uninterruptible = False
    seconds = round(time.monotonic() - began, 3)
    session.tell("end", result=f"called {name}", seconds=seconds)


def _function(name: str) -> Callable[[Any], object]:
    module, _, path = name.partition(":")
    try:
        found: Any = import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise _missing(name, f"there is no module {error.name}") from error
    except (AttributeError, ValueError) as error:
        raise _missing(name, str(error)) from error
    if not callable(found):
        raise _missing(name, "it is no function")
    function: Callable[[Any], object] = found
    return function


def _missing(name: str, why: str) -> UsageError:
    return UsageError(
        f"{name} cannot be called: {why}.",
        "Name a function of the release's software: package.module:function.",
    )


def pack(source: Source, tell: Listener) -> None:
    """Keep only what is current of a database that nobody serves; no old file either.

    What an earlier one left that was killed is put right first.

    :raises UsageError: it is not named by its files.
    :raises RefusedError: it is not there.
    :raises BusyError: another process has it open.
    """
    from zc.lockfile import LockError
    from ZODB.FileStorage import FileStorage
    from ZODB.serialize import referencesf
    from ZODB.TimeStamp import TimeStamp

    data, blobs = source.data, source.blobs
    if data is None or blobs is None:
        raise UsageError("Only files can be packed here.", "Give --data and --blobs.")
    began = time.monotonic()
    _mend(data)
    if not data.is_file():
        raise RefusedError(
            f"There is no database {data}.", "Name the Data.fs of a copy."
        )
    try:
        storage = FileStorage(str(data), blob_dir=str(blobs), pack_keep_old=False)
    except LockError as error:
        raise BusyError(
            "Another process has the database open for writing.",
            "Pack only a copy that is not served.",
        ) from error
    with contextlib.closing(storage):
        before = os.stat(data).st_size
        last = TimeStamp(storage.lastTransaction()).timeTime()
        storage.pack(max(time.time(), last) + 1, referencesf)
        _sweep(storage)
    data.with_name(data.name + _OLD).unlink(missing_ok=True)
    _sync(data)
    tell(
        "end",
        result=f"packed from {before:,} to {os.stat(data).st_size:,} bytes",
        seconds=round(time.monotonic() - began, 3),
    )


def _mend(data: Path) -> None:
    """Put back the database as it was before a pack that was cut off."""
    old, new = (data.with_name(data.name + suffix) for suffix in (_OLD, _NEW))
    if not data.exists() and old.exists() and new.exists():
        old.rename(data)
    if data.exists():
        new.unlink(missing_ok=True)
        old.unlink(missing_ok=True)


def _sweep(storage: Any) -> None:
    """Remove files of blobs that no object has, as a pack that was killed leaves."""
    from ZODB.utils import repr_to_oid

    helper = storage.fshelper
    for oid, folder in list(helper.listOIDs()):
        current = storage.getTid(oid) if oid in storage._index else None  # noqa: SLF001
        for path in Path(folder).glob("*.blob"):
            if repr_to_oid(path.stem) != current:
                path.unlink()
    for path in Path(helper.temp_dir).iterdir():
        path.unlink()


def _sync(data: Path) -> None:
    for path in (data, data.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
