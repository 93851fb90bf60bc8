"""Data.fs, as FileStorage writes it: where it ends, what is in it, if it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base.reporter import Reporter
from karl.recipe.zeoserver.databases.blobs import BlobName
from karl.recipe.zeoserver.declaration.layout import CopyLayout

#: Where the first transaction of every Data.fs begins.
BEGINNING = 4

#: The transaction id before all others.
NO_TID = "0" * 16


@dataclass(frozen=True)
class End:
    """A point in a database where a transaction has just ended.

    :ivar position: bytes of Data.fs before it.
    :ivar tid: the transaction, 16 hexadecimal digits; all zeros: none yet.
    """

    position: int
    tid: str


@dataclass(frozen=True)
class Transaction:
    """One committed transaction.

    :ivar start: where its header is.
    :ivar end: just after it.
    :ivar packed: it is from before the time that the database was packed to.
    """

    tid: str
    start: int
    end: int
    packed: bool = False


@dataclass(frozen=True)
class Findings:
    """What a check of a database found.

    :ivar transactions: how many there are.
    :ivar objects: how many there are.
    :ivar records: revisions of objects.
    :ivar blobs: blob records.
    :ivar missing: blob records without their file.
    :ivar missing_blobs: paths of some of these files.
    :ivar dangling: objects that are referred to and not there.
    :ivar loaded: objects that were loaded through a FileStorage.
    """

    tid: str
    position: int
    transactions: int
    objects: int
    records: int
    blobs: int
    missing: int = 0
    missing_blobs: tuple[str, ...] = ()
    dangling: int = 0
    loaded: int = 0


def end_at(data: Path, position: int) -> End:
    """Return the end at *position*, reading only what is just before it.

    :raises DamagedError: no committed transaction ends there.
    """
    raise NotImplementedError


def end_of(data: Path) -> End:
    """Return where the last committed transaction of *data* ends.

    Nobody may be writing it.  What a crash left of an unfinished commit at its
    end does not count, as it does not for FileStorage.

    :raises DamagedError: it is no Data.fs, or not whole.
    """
    raise NotImplementedError


def transactions(data: Path, start: int, stop: int) -> Iterator[Transaction]:
    """Yield the transactions from *start* to *stop*, reading their headers only.

    :raises DamagedError: transactions do not add up to that.
    """
    raise NotImplementedError


def blob_records(data: Path, start: int, stop: int) -> Iterator[BlobName]:
    """Yield the blobs that transactions from *start* to *stop* wrote.

    :raises DamagedError: the records cannot be read.
    """
    raise NotImplementedError


def create_empty(copy: CopyLayout) -> End:
    """Make a new database with nothing but a root object; its folder is there."""
    raise NotImplementedError


def check(copy: CopyLayout, reporter: Reporter, *, load_all: bool) -> Findings:
    """Read a whole database that nobody writes; leave a fresh index beside it.

    :param load_all: also load every object and open every blob through a
        FileStorage, as a server would.
    :raises DamagedError: it is not whole.
    """
    raise NotImplementedError
