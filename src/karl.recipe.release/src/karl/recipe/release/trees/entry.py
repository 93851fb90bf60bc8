"""An entry of the store: one wheel, unpacked and byte-compiled."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError
from karl.recipe.release.distributions.metadata import Metadata

#: The format of ``entry.json``; an entry of another one is unpacked again.
FORMAT = 2

#: By path below the section: sha256, size, mode.
Listing = dict[str, tuple[str, int, int]]


@dataclass(frozen=True)
class Entry:
    """What ``entry.json`` says.

    :ivar file: name of the wheel's file.
    :ivar sha256: of the wheel.
    :ivar mtime: of every file of the entry, seconds: when it was unpacked.
    :ivar lib: files for site-packages, with their bytecode.
    :ivar scripts: legacy scripts as they are in the wheel.
    :ivar data: files for the root of a tree.
    :ivar headers: files for ``include/site/pythonX.Y/<name>``.
    :ivar metadata_folder: the ``.dist-info`` folder below ``lib``.
    :ivar entry_points: text of ``entry_points.txt``; empty if there is none.
    :ivar requires: its METADATA's ``Requires-Dist``: so what a release needs can
        be told without opening a wheel.
    :ivar extras: ``Provides-Extra``.
    :ivar requires_python: ``Requires-Python``.
    """

    name: str
    version: str
    file: str
    sha256: str
    mtime: int
    metadata_folder: str
    entry_points: str
    requires: Sequence[str]
    extras: Sequence[str]
    requires_python: str
    lib: Listing
    scripts: Listing
    data: Listing
    headers: Listing
    format: int = FORMAT

    @property
    def metadata(self) -> Metadata:
        """What its METADATA says."""
        return Metadata(
            self.name,
            self.version,
            tuple(self.requires),
            tuple(self.extras),
            self.requires_python,
        )

    def sections(self) -> Iterator[tuple[str, Listing]]:
        """Yield the sections by name."""
        yield "lib", self.lib
        yield "scripts", self.scripts
        yield "data", self.data
        yield "headers", self.headers

    def render(self) -> str:
        """Return the text of ``entry.json``."""
        return json.dumps(vars(self), sort_keys=True, separators=(",", ":")) + "\n"


def record_of(root: Path) -> Path:
    """Return the place of the description of the entry *root*."""
    return root / "entry.json"


def section_of(root: str, section: str) -> str:
    """Return the folder of a section of the entry *root*."""
    return f"{root}/{section}"


def load(root: Path) -> Entry | None:
    """Return the entry *root*; None if there is none of a format we know.

    :raises DamagedError: its description cannot be read.
    """
    try:
        text = record_of(root).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        value = json.loads(text)
        if value["format"] != FORMAT:
            return None
        return Entry(**value)
    except (ValueError, KeyError, TypeError) as error:
        raise edited(root, f"entry.json cannot be read ({error})") from error


def first_edit(root: Path, entry: Entry) -> EditedError | None:
    """Return what is wrong with the first edited file of an entry, if any is.

    A file whose mode alone was changed, as ``chmod -R`` of a release does, is
    read, and gets its mode back if its content is intact: that mends all
    releases that share it.
    """
    for section, listing in entry.sections():
        folder = section_of(str(root), section)
        for name, (sha256, size, mode) in listing.items():
            path = f"{folder}/{name}"
            try:
                seen = os.lstat(path)
            except OSError:
                return edited(root, f"{name} is missing")
            if not is_intact(seen, size, mode, entry.mtime) and not _put_back(
                path, seen, (sha256, size, mode), entry.mtime
            ):
                return edited(root, f"{name} was changed")
    return None


def is_intact(seen: os.stat_result, size: int, mode: int, mtime: int) -> bool:
    """Tell whether a file looks as it was made: enough to see an edit."""
    return (
        seen.st_size == size
        and seen.st_mtime_ns == mtime * 1_000_000_000
        and seen.st_mode == stat.S_IFREG | mode
    )


def _put_back(
    path: str, seen: os.stat_result, wanted: tuple[str, int, int], mtime: int
) -> bool:
    sha256, size, mode = wanted
    same = is_intact(seen, size, stat.S_IMODE(seen.st_mode), mtime)
    if not same or files.sha256_of(Path(path)) != sha256:
        return False
    try:
        os.chmod(path, mode)
    except OSError:
        return False
    return True


class EditedError(DamagedError):
    """An entry is not what it was when it was made.

    :ivar root: its folder.
    """

    root = ""


def edited(root: str | Path, what: str) -> EditedError:
    """Return the error that says what is wrong with the entry *root*."""
    error = EditedError(
        f"The store's entry {root} is damaged: {what}.",
        "Someone edited it, or a release that shares its files: look at them with "
        "switch-version --verify. Put the wheel back into the pool (karl-index "
        "fetch): the entry is then made anew from it.",
    )
    error.root = str(root)
    return error
