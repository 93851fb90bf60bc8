"""Blob files: their names, and how they come from one blob directory to another."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from karl.recipe.release.base import files, largefiles
from karl.recipe.release.base.errors import DamagedError

#: How ZODB can lay out a blob directory: eight folders deep, or one.
BUSHY, LAWN = "bushy", "lawn"

#: Holds the name of the layout; ZODB's.
MARK = ".layout"

_PATH = re.compile(
    r"(?:(?:0x[0-9a-f]{2}/){8}|0x(?:[0-9a-f]{2}){1,8}/)"
    r"0x((?:[0-9a-f]{2}){1,8})\.blob\Z"
)


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
    """Return how ZODB lays out a blob directory: ``bushy`` or ``lawn``.

    :raises DamagedError: its mark names no layout.
    """
    try:
        with os.fdopen(largefiles.open_plain(folder / MARK), "rb") as stream:
            found = stream.read(16).decode(errors="replace").strip()
    except FileNotFoundError:
        # ZODB takes one without a mark for an old one, if there is anything in it.
        used = folder.is_dir() and any(
            not name.startswith(".") for name in os.listdir(folder)
        )
        return LAWN if used else BUSHY
    if found not in {BUSHY, LAWN}:
        raise DamagedError(
            f"{folder / MARK} names no layout of blobs: {found!r}.",
            f"Write {BUSHY} or {LAWN} into it, whichever the folder has.",
        )
    return found


def path_of(name: BlobName, layout: str) -> str:
    """Return the path of a blob below its blob directory."""
    if layout == LAWN:
        folder = _short(name.oid)
    else:
        folder = "/".join(f"0x{byte:02x}" for byte in name.oid)
    return f"{folder}/{_short(name.tid)}.blob"


def _short(number: bytes) -> str:
    """Return a number as ZODB names it: without zero bytes before it."""
    return f"0x{number.lstrip(bytes(1)).hex() or '00'}"


def tid_of(path: str) -> str:
    """Return the transaction id, 16 hexadecimal digits, in a blob's path.

    :raises DamagedError: it is not the path of a blob.
    """
    found = _PATH.match(path)
    if found is None:
        raise DamagedError(
            f"{path!r} is not the path of a blob.",
            "Something else wrote there; look at the folder.",
        )
    return found[1].rjust(16, "0")


def prepare(folder: Path, layout: str) -> None:
    """Make a blob directory, empty but for the mark of its layout."""
    files.make_directory(folder)
    files.write_new(folder / MARK, layout)


def listing(folder: Path, until: str) -> Iterator[str]:
    """Yield the paths of all committed blob files of transactions up to *until*.

    Links, and whatever has not the name of a blob, are passed over.
    """
    for place, folders, names in os.walk(folder):
        folders.sort()
        inside = os.path.relpath(place, folder)
        for name in sorted(names):
            path = f"{inside}/{name}"
            found = _PATH.match(path)
            if found and found[1].rjust(16, "0") <= until and _is_plain(place, name):
                yield path


def _is_plain(place: str, name: str) -> bool:
    return stat.S_ISREG(os.lstat(os.path.join(place, name)).st_mode)


def status_of(folder: Path, path: str) -> os.stat_result:
    """Return the status of a blob file.

    :raises FileNotFoundError: it is not there.
    :raises DamagedError: it is no plain file, or behind a link.
    """
    tid_of(path)
    parent, _, name = path.rpartition("/")
    _check_folders(str(folder), parent)
    place = f"{folder}/{parent}/{name}"
    status = os.lstat(place)
    if not stat.S_ISREG(status.st_mode):
        raise DamagedError(
            f"{place} is not a plain file.", "Find out who put it there, and why."
        )
    return status


@functools.lru_cache(maxsize=1 << 12)
def _check_folders(folder: str, path: str) -> None:
    """Check that *path* leads from *folder* through folders, not through links.

    :raises DamagedError: it does not.
    """
    place = f"{folder}/{path}"
    above = path.rpartition("/")[0]
    if above:
        _check_folders(folder, above)
    if os.path.islink(place):
        raise DamagedError(
            f"{place} is a link where a folder of blobs should be.",
            "Put the folder itself there.",
        )


def sum_of(folder: Path, path: str) -> BlobFile:
    """Return what a blob file holds, read from the disk."""
    status_of(folder, path)
    return _read(folder, path)


def _read(folder: Path, path: str) -> BlobFile:
    found = hashlib.sha256()
    size = largefiles.read(folder / path, found.update)
    return BlobFile(found.hexdigest(), size, path)


def take(
    source: Path, target: Path, path: str, known: str = "", *, link: bool = True
) -> BlobFile:
    """Have a blob file in another blob directory too: linked, or else copied.

    :param source: the blob directory it is in.
    :param target: the blob directory it comes to; one that is there is replaced.
    :param known: the sha256 of its content, if that is known: then a file that
        could be linked is not read.
    :param link: whether it may be linked.
    :raises FileNotFoundError: it is not there.
    :raises DamagedError: it is no plain file, or its content is another.
    """
    status = status_of(source, path)
    origin, place = source / path, target / path
    files.make_directory(place.parent)
    if os.path.lexists(place):
        files.remove_tree(place)
    if link and largefiles.link(origin, place):
        if known:
            return BlobFile(known, status.st_size, path)
        return _read(target, path)
    found = hashlib.sha256()
    size = largefiles.copy(origin, place, found.update)
    if known and found.hexdigest() != known:
        raise DamagedError(
            f"The blob {origin} is not what it was.",
            "Compare it with the one in another backup.",
        )
    return BlobFile(found.hexdigest(), size, path)
