"""The zip file under a wheel: members checked before one of them is read."""

from __future__ import annotations

import hashlib
import mmap
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from karl.recipe.release.base.errors import DamagedError

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

#: An archive may grow by this factor, and this many bytes more, when unpacked.
_MAX_RATIO = 100
_MAX_EXTRA = 100 * 1024 * 1024
_MAX_MEMBERS = 200_000

#: Names that are devices on some system that the tree could be looked at from.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\..*)?\Z", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Member:
    """One file in the archive.

    :ivar path: with slashes, relative, safe.
    :ivar size: unpacked.
    """

    path: str
    size: int
    packed: int
    offset: int
    stored: bool
    executable: bool


class Archive:
    """An opened zip file; use it in a ``with`` statement.

    :ivar members: the files; complete only if there are no *problems*.
    :ivar problems: everything wrong with the list of members, sentences.
    """

    def __init__(self, path: Path, sha256: str) -> None:
        """Open *path*.

        :raises DamagedError: its sha256 is another one, or it is no zip file.
        """
        self.path = path
        self._stream = path.open("rb")
        try:
            self._open(sha256)
        except BaseException:
            self._stream.close()
            raise

    def _open(self, sha256: str) -> None:
        try:
            self._bytes = mmap.mmap(self._stream.fileno(), 0, access=mmap.ACCESS_READ)
            digest = hashlib.sha256(self._bytes).hexdigest()
        except ValueError:
            digest = hashlib.sha256().hexdigest()
        if digest != sha256:
            raise DamagedError(
                f"{self.path} has other bytes than its index names: its sha256 is "
                f"{digest}, and must be {sha256}.",
                "Remove this file from the pool and fetch it again.",
            )
        try:
            with zipfile.ZipFile(self._stream) as opened:
                infos = opened.infolist()
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise DamagedError(
                f"{self.path} is no zip file: {error}.",
                "Its index names this very file; freeze a new version without it.",
            ) from error
        self.problems = [*_size_problems(infos, len(self._bytes)), *_problems(infos)]
        self.members = tuple(_member(info) for info in infos if not info.is_dir())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bytes.close()
        self._stream.close()

    def read(self, member: Member) -> bytes:
        """Return the content of *member*.

        :raises ValueError: the archive is broken there.
        """
        end = member.offset + _LOCAL_HEADER.size
        header = self._bytes[member.offset : end]
        if len(header) < _LOCAL_HEADER.size:
            raise ValueError("its local header is cut off")
        signature, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        name = self._bytes[end : end + name_length]
        if signature != _SIGNATURE or name != member.path.encode():
            raise ValueError("its local header is of another member")
        start = end + name_length + extra_length
        packed = self._bytes[start : start + member.packed]
        data = packed if member.stored else _inflate(packed, member.size)
        if len(data) != member.size:
            raise ValueError("its size is not the declared one")
        return data


def _inflate(packed: bytes, size: int) -> bytes:
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = engine.decompress(packed, size + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    return data


def _member(info: zipfile.ZipInfo) -> Member:
    return Member(
        path=info.filename,
        size=info.file_size,
        packed=info.compress_size,
        offset=info.header_offset,
        stored=info.compress_type == zipfile.ZIP_STORED,
        executable=bool(info.external_attr >> 16 & 0o111),
    )


def _size_problems(infos: list[zipfile.ZipInfo], size: int) -> Iterator[str]:
    unpacked = sum(info.file_size for info in infos)
    if len(infos) > _MAX_MEMBERS:
        yield f"it has {len(infos)} members"
    if unpacked > _MAX_RATIO * size + _MAX_EXTRA:
        yield f"it would unpack from {size} to {unpacked} bytes (a zip bomb?)"
    if sum(info.compress_size for info in infos) > size:
        yield "its members overlap (a zip bomb?)"


def _problems(infos: list[zipfile.ZipInfo]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for info in infos:
        name = info.orig_filename
        for problem in (*name_problems(name), *_kind_problems(info)):
            yield f"{name!r} {problem}"
        folded = name.rstrip("/").casefold()
        if folded in seen and not (info.is_dir() and seen[folded] == name):
            other = seen[folded]
            yield (
                f"{name!r} is in it twice"
                if other == name
                else f"{name!r} and {other!r} differ in case only"
            )
        seen[folded] = name
    yield from _folder_problems({i.orig_filename for i in infos if not i.is_dir()})


def _folder_problems(names: set[str]) -> Iterator[str]:
    """Tell where a name is both a file and a folder.

    Folders that differ in case only do occur in sound wheels and harm nobody
    here, unlike files.
    """
    folders = {
        name[:place]
        for name in names
        for place, letter in enumerate(name)
        if letter == "/"
    }
    yield from (f"{name!r} is a file and a folder" for name in sorted(names & folders))


def name_problems(name: str) -> Iterable[str]:
    """Return what makes *name* unsafe as a path below a folder."""
    parts = name.rstrip("/").split("/")
    if name.startswith("/") or re.match("[A-Za-z]:", name):
        yield "is an absolute path"
    if ".." in parts:
        yield "leads out of the tree"
    if "" in parts[1:] or "." in parts or not name.strip("/"):
        yield "is no plain path"
    if "\\" in name:
        yield "has a backslash"
    if _CONTROL.search(name) or not _encodable(name):
        yield "has control characters"
    if any(_DEVICE.match(part) for part in parts):
        yield "names a device"
    if any(len(part.encode(errors="replace")) > 255 for part in parts):
        yield "is too long"


def _encodable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind_problems(info: zipfile.ZipInfo) -> Iterator[str]:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        yield "is a symlink"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        yield "is no file but a device, pipe or socket"
    elif kind == stat.S_IFDIR and not info.is_dir():
        yield "is a folder that poses as a file"
    if info.flag_bits & _ENCRYPTED:
        yield "is encrypted"
    if info.compress_type not in _METHODS:
        yield f"is compressed by the unknown method {info.compress_type}"
