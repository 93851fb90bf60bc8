"""One wheel into one folder: unpacked, byte-compiled, modes and times set."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from pathlib import Path

from karl.recipe.release.base import files
from karl.recipe.release.distributions.wheel import Wheel, opened
from karl.recipe.release.trees import entry as entries
from karl.recipe.release.trees.bytecode import (
    bytecode,
    bytecode_path,
    is_cached_bytecode,
)
from karl.recipe.release.trees.entry import Entry, Listing
from karl.recipe.release.trees.sources import Source

#: How setuptools' files that declare a namespace begin.  Implicit namespaces
#: (PEP 420) do the same in a merged tree; these would only slow every start.
_NAMESPACE_PTH = b"import sys, types, os;"


def unpack(source: Source, root: Path) -> Entry:
    """Unpack a wheel into the new folder *root* and return its description.

    Nothing is made durable here, and *root* is sealed.

    :raises DamagedError: the wheel is not sound; *root* is then half-made.
    """
    mtime = int(time.time())
    files.seam("unpack", root)
    with opened(source.path, source.sha256, source.project, source.version) as wheel:
        writer = _Writer(str(root), mtime)
        points = _write(wheel, writer)
        entry = Entry(
            name=wheel.name,
            version=wheel.version,
            file=source.path.name,
            sha256=source.sha256,
            mtime=mtime,
            metadata_folder=wheel.dist_info,
            entry_points=points,
            requires=wheel.metadata.requires,
            extras=wheel.metadata.extras,
            requires_python=wheel.metadata.requires_python,
            lib=writer.sections["lib"],
            scripts=writer.sections["scripts"],
            data=writer.sections["data"],
            headers=writer.sections["headers"],
        )
    path = entries.record_of(root)
    _write_file(str(path), entry.render().encode(), files.SEALED_FILE, mtime)
    writer.seal()
    return entry


def _write(wheel: Wheel, writer: _Writer) -> str:
    """Write all content; return the text of ``entry_points.txt``."""
    points = f"{wheel.dist_info}/entry_points.txt"
    text = ""
    for placed, data, sha256 in wheel.contents():
        path = placed.path
        mode = files.SEALED_SCRIPT if placed.member.executable else files.SEALED_FILE
        if placed.section != "lib":
            writer.add(placed.section, path, data, sha256, mode)
            continue
        if is_cached_bytecode(path) or _is_namespace_pth(path, data):
            continue
        writer.add("lib", path, data, sha256, mode)
        if path.endswith(".py"):
            compiled = bytecode(data, path)
            if compiled is not None:
                digest = hashlib.sha256(compiled).hexdigest()
                place = bytecode_path(path)
                writer.add("lib", place, compiled, digest, files.SEALED_FILE)
        elif path == points:
            text = data.decode("utf-8", "replace")
    return text


def _is_namespace_pth(path: str, data: bytes) -> bool:
    return (
        path.endswith("-nspkg.pth")
        and "/" not in path
        and all(line.startswith(_NAMESPACE_PTH) for line in data.splitlines() if line)
    )


class _Writer:
    """Writes files below a folder and notes what it wrote."""

    def __init__(self, root: str, mtime: int) -> None:
        self.root = root
        self.mtime = mtime
        self.sections: dict[str, Listing] = {
            "lib": {},
            "scripts": {},
            "data": {},
            "headers": {},
        }
        os.mkdir(root, 0o700)
        self._folders = {root}

    def add(self, section: str, path: str, data: bytes, sha256: str, mode: int) -> None:
        """Write one file."""
        full = f"{self.root}/{section}/{path}"
        self._need(full.rpartition("/")[0])
        _write_file(full, data, mode, self.mtime)
        self.sections[section][path] = (sha256, len(data), mode)

    def _need(self, folder: str) -> None:
        if folder not in self._folders:
            self._need(folder.rpartition("/")[0])
            os.mkdir(folder, 0o700)
            self._folders.add(folder)

    def seal(self) -> None:
        """Take the write permission from all folders."""
        for folder in self._folders:
            os.chmod(folder, files.SEALED_DIRECTORY)


def _write_file(path: str, data: bytes, mode: int, mtime: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        rest = memoryview(data)
        while rest:
            written = os.write(descriptor, rest)
            if not written:
                raise OSError(errno.EIO, "nothing was written", path)
            rest = rest[written:]
        os.fchmod(descriptor, mode)
        os.utime(descriptor, (mtime, mtime))
    finally:
        os.close(descriptor)
