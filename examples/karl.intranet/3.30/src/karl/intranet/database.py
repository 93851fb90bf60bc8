"""Databases: opening one by its ZConfig file, and creating the site in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import transaction
from ZConfig import loadConfig
from ZODB import DB
from ZODB.config import ZODBDatabase, getDbSchema
from ZODB.interfaces import IDatabase
from ZODB.POSException import ConflictError, ReadOnlyError

from karl.intranet.content import SITE_KEY, Site
from karl.intranet.versions import read_status, record_current

ATTEMPTS = 5
EMPTY_READ_ONLY = "this database is empty and read-only: make it writable once"


class DatabaseError(Exception):
    """The database cannot be used; the message says what to do."""


def configuration_uri(file: Path) -> str:
    """The URI of the database that the ZConfig file ``file`` describes."""
    if not file.is_file():
        raise DatabaseError(_missing(file))
    if {"?", "#"} & set(str(file)):
        message = f"{file} has a ? or a # in its path, which zodburi cannot read"
        raise DatabaseError(message)
    return f"zconfig://{file}"


@contextmanager
def opened(file: Path, *, read_only: bool = False) -> Iterator[DB]:
    """The database that ``file`` describes, closed afterwards.

    Opened ``read_only``, a file storage may at the same time be served by another
    process, and is not created if it is missing.
    """
    if not file.is_file():
        raise DatabaseError(_missing(file))
    configuration, _ = loadConfig(getDbSchema(), str(file))
    section = configuration.database[0]
    storage = getattr(section.config.storage, "config", None)
    if read_only and storage is not None and hasattr(storage, "read_only"):
        storage.read_only = True
    try:
        database = _opened(section)
    except ReadOnlyError:
        raise DatabaseError(EMPTY_READ_ONLY) from None
    try:
        yield database
    finally:
        database.close()


def _opened(section: ZODBDatabase) -> DB:
    # Whoever opens an empty database adds a root to it. When several processes do
    # so at once, all but one fail, and succeed when they try again.
    for _ in range(ATTEMPTS - 1):
        try:
            return section.open()
        except ConflictError:
            time.sleep(0.2)
    return section.open()


def _missing(file: Path) -> str:
    return f"{file} is missing: name a revision folder that has a zodb.conf"


def create_site(root: Any) -> Site:
    """Put a new site into the root of an empty database."""
    site = root[SITE_KEY] = Site()
    record_current(root)
    return site


def prepare(database: IDatabase) -> None:
    """Make sure that ``database`` has a site that this software understands."""
    manager = transaction.TransactionManager()
    connection = database.open(manager)
    try:
        root = connection.root()
        if SITE_KEY not in root:
            _create(root, manager)
        newer = [s.distribution for s in read_status(root) if s.state == "newer"]
        if newer:
            message = (
                f"this database was evolved by a newer release of {', '.join(newer)}:"
                " serve it with that release"
            )
            raise DatabaseError(message)
    finally:
        manager.abort()
        connection.close()


def _create(root: Any, manager: transaction.TransactionManager) -> None:
    try:
        create_site(root)
        manager.commit()
    except ConflictError:
        # Another worker, starting at the same time, has just created it.
        manager.abort()
    except ReadOnlyError:
        raise DatabaseError(EMPTY_READ_ONLY) from None
