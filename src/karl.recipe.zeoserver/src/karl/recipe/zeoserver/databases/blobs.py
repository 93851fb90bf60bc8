"""Blob files: their names, and how they come from one blob directory to another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class BlobName(NamedTuple):
    """Which blob: an object, and the transaction that wrote this revision of it."""

    oid: bytes
    tid: bytes


class BlobFile(NamedTuple):
    """A blob file and its content.

    :ivar path: relative to the blob directory.
    """

    sha256: str
    size: int
    path: str


def layout_of(folder: Path) -> str:
    """Return how ZODB lays out a blob directory: ``bushy`` or ``lawn``."""
    raise NotImplementedError


def path_of(name: BlobName, layout: str) -> str:
    """Return the path of a blob below its blob directory."""
    raise NotImplementedError


def tid_of(path: str) -> str:
    """Return the transaction id, 16 hexadecimal digits, in a blob's path.

    :raises DamagedError: it is not the path of a blob.
    """
    raise NotImplementedError


def prepare(folder: Path, layout: str) -> None:
    """Make a blob directory, empty but for the mark of its layout."""
    raise NotImplementedError


def listing(folder: Path, until: str) -> Iterator[str]:
    """Yield the paths of all committed blob files of transactions up to *until*.

    Links, and whatever has not the name of a blob, are passed over.
    """
    raise NotImplementedError


def take(source: Path, target: Path, path: str, sha256: str = "") -> BlobFile:
    """Have a blob file in another blob directory: linked, or else copied.

    :param source: the blob directory it is in.
    :param target: the blob directory it comes to.
    :param sha256: of its content, if that is known; then a link is not read.
    :raises FileNotFoundError: it is not there.
    :raises DamagedError: it is no plain file, or its content is another.
    """
    raise NotImplementedError
