"""Archives of our own making and archives of strangers.

Own ones get the same bytes on every machine: entries sorted, times, owners and
modes fixed, and stored without compression, because compressed bytes depend on
the machine's zlib.  Foreign ones are unpacked so that nothing is written
outside the folder that is meant; on purpose without :mod:`tarfile`'s
extraction, whose safe mode is missing from early Pythons 3.11.
"""

from __future__ import annotations

import hashlib
import io
import os
import posixpath
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base.errors import DamagedError

#: The moment that every entry bears: the first that a zip file can tell.
EPOCH = 315532800
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)

_PLAIN, _EXECUTABLE = 0o644, 0o755
_MOST_BYTES = 4 << 30
_MOST_ENTRIES = 200_000

#: gzip: deflate, no flags, no time, no hint at the level, unknown system.
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_STORED_BLOCK = 0xFFFF

#: Absolute, or with a part that is empty, ``.`` or ``..``, or a NUL.
_UNSAFE = re.compile(r"(?:\A|/)(?:\.\.?)?(?:/|\Z)|\0")

_RECORD = re.compile(r"[^/]+\.dist-info/RECORD\Z")
_UNHASHED = (".dist-info/RECORD.jws", ".dist-info/RECORD.p7s")


@dataclass(frozen=True, order=True)
class Entry:
    """One file, or one link, of an archive.

    :ivar name: relative, with slashes, safe.
    :ivar link: the text of the symlink; empty for a file.
    """

    name: str
    content: bytes = b""
    executable: bool = False
    link: str = ""
    modified: float = EPOCH

    @property
    def mode(self) -> int:
        """The permission bits, whatever the umask of its maker was."""
        return _EXECUTABLE if self.executable else _PLAIN


def normalise_wheel(wheel: Path, target: Path) -> Path:
    """Write *wheel* to the new file *target* with reproducible bytes.

    :raises DamagedError: it is no zip file, or holds what a wheel must not.
    """
    entries = {entry.name: entry for entry in read_zip(wheel)}
    records = [name for name in entries if _RECORD.match(name)]
    if len(records) != 1 or any(entry.link for entry in entries.values()):
        raise _damaged(wheel, "it is no wheel: no single RECORD, or symlinks")
    del entries[records[0]]
    names = sorted(entries, key=lambda name: (".dist-info/" in name, name))
    record = _record([entries[name] for name in names], records[0])
    with zipfile.ZipFile(target, "x", zipfile.ZIP_STORED) as archive:
        for entry in (*(entries[name] for name in names), record):
            info = zipfile.ZipInfo(entry.name, _ZIP_TIME)
            info.create_system = 3
            info.external_attr = (stat.S_IFREG | entry.mode) << 16
            archive.writestr(info, entry.content)
    return target


def normalise_sdist(sdist: Path, target: Path) -> Path:
    """Write *sdist* to the new file *target*, a .tar.gz with reproducible bytes.

    :raises DamagedError: it cannot be read, or holds what an sdist must not.
    """
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in sorted(read(sdist)):
            info = tarfile.TarInfo(entry.name)
            info.mtime = EPOCH
            info.mode = entry.mode
            if entry.link:
                info.type, info.linkname = tarfile.SYMTYPE, entry.link
            info.size = len(entry.content)
            archive.addfile(info, io.BytesIO(entry.content))
    with target.open("xb") as stream:
        stream.writelines(stored_gzip(raw.getvalue()))
    return target


def stored_gzip(data: bytes) -> Iterator[bytes]:
    """Yield a gzip file (RFC 1952) whose deflate blocks are stored ones."""
    yield _GZIP_HEADER
    for start in range(0, max(len(data), 1), _STORED_BLOCK):
        block = data[start : start + _STORED_BLOCK]
        last = start + _STORED_BLOCK >= len(data)
        yield struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF)
        yield block
    yield struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def unpack_sdist(sdist: Path, into: Path) -> Path:
    """Unpack *sdist* below the empty folder *into*; return its source folder.

    :raises DamagedError: it cannot be read, has an entry that would land
        outside, or is not one folder.
    """
    entries = read(sdist)
    tops = {entry.name.partition("/")[0] for entry in entries}
    if len(tops) != 1 or not all("/" in entry.name for entry in entries):
        raise _damaged(sdist, "an sdist holds exactly one folder")
    write_entries(entries, into, sdist)
    return into / tops.pop()


def write_entries(entries: list[Entry], into: Path, origin: Path) -> None:
    """Write *entries* below *into*: links last, so nothing goes through one.

    :raises DamagedError: a link leads out of *into*.
    """
    links = [entry for entry in entries if entry.link]
    for entry in entries:
        if entry.link:
            continue
        path = into / entry.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(entry.content)
        path.chmod(entry.mode)
        os.utime(path, (entry.modified, entry.modified))
    for entry in links:
        path = into / entry.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(entry.link)
    root = into.resolve()
    for entry in links:
        try:
            inside = (into / entry.name).resolve().is_relative_to(root)
        except (OSError, RuntimeError):
            inside = False
        if not inside:
            shutil.rmtree(into)
            raise _damaged(origin, f"its link {entry.name!r} leads out of it")


def read(archive: Path) -> list[Entry]:
    """Return the files and links of a tar or zip archive.

    :raises DamagedError: it cannot be read, or an entry has no place below a
        folder: absolute, ``..``, a device, a link out of it, a name twice.
    """
    zipped = archive.suffix in (".zip", ".whl", ".egg")
    return read_zip(archive) if zipped else _read_tar(archive)


def read_zip(archive: Path) -> list[Entry]:
    """Return the files of a zip archive; raises as :func:`read`."""
    try:
        with zipfile.ZipFile(archive) as opened:
            infos = opened.infolist()
            _check_amount(archive, len(infos), sum(info.file_size for info in infos))
            entries = []
            for info in infos:
                kind = stat.S_IFMT(info.external_attr >> 16)
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise _damaged(archive, f"{info.filename!r} is no plain file")
                if not info.is_dir():
                    runs = bool(info.external_attr >> 16 & 0o100)
                    entries.append(Entry(info.filename, opened.read(info), runs))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged(archive, f"it cannot be read: {error}") from error
    return _checked(entries, archive)


def _read_tar(archive: Path) -> list[Entry]:
    entries: dict[str, Entry] = {}
    amount = 0
    try:
        with tarfile.open(archive, "r:*") as opened:
            for number, info in enumerate(opened):
                amount += info.size
                _check_amount(archive, number, amount)
                if not info.isdir():
                    entry = _tar_entry(opened, info, entries, archive)
                    if entry.name in entries:
                        raise _damaged(archive, f"{entry.name!r} is in it twice")
                    entries[entry.name] = entry
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise _damaged(archive, f"it cannot be read: {error}") from error
    return _checked(list(entries.values()), archive)


def _tar_entry(
    opened: tarfile.TarFile,
    info: tarfile.TarInfo,
    before: dict[str, Entry],
    archive: Path,
) -> Entry:
    name = info.name.removeprefix("./")
    runs = bool(info.mode & 0o100)
    if info.issym():
        return Entry(name, link=info.linkname)
    if info.islnk():
        original = before.get(info.linkname.removeprefix("./"))
        if original is None or original.link:
            raise _damaged(archive, f"{name!r} is a link to {info.linkname!r}")
        return Entry(name, original.content, runs, modified=info.mtime)
    stream = opened.extractfile(info) if info.isreg() else None
    if stream is None:
        raise _damaged(archive, f"{name!r} is a device or pipe")
    return Entry(name, stream.read(), runs, modified=info.mtime)


def _checked(entries: list[Entry], archive: Path) -> list[Entry]:
    """Return *entries*, none of which can land outside of a folder."""
    names = {entry.name for entry in entries}
    if len(names) != len(entries):
        raise _damaged(archive, "it has a name twice")
    for entry in entries:
        if _UNSAFE.search(entry.name) or not entry.name:
            raise _damaged(archive, f"{entry.name!r} would land outside of it")
        if entry.link:
            target = posixpath.join(posixpath.dirname(entry.name), entry.link)
            outside = posixpath.normpath(target).startswith(("/", ".."))
            if outside or "\0" in entry.link:
                raise _damaged(archive, f"{entry.name!r} links to {entry.link!r}")
        for folder in _folders(entry.name):
            if folder in names:
                raise _damaged(archive, f"{folder!r} is a file and a folder")
    return entries


def _folders(name: str) -> Iterator[str]:
    while name := posixpath.dirname(name):
        yield name


def _check_amount(archive: Path, entries: int, size: int) -> None:
    if entries > _MOST_ENTRIES or size > _MOST_BYTES:
        raise _damaged(archive, f"it would unpack to {size} bytes (a bomb?)")


def _record(entries: list[Entry], name: str) -> Entry:
    lines = []
    for entry in entries:
        if entry.name.endswith(_UNHASHED):
            lines.append(f"{_quoted(entry.name)},,")
            continue
        digest = urlsafe_b64encode(hashlib.sha256(entry.content).digest())
        text = digest.rstrip(b"=").decode()
        lines.append(f"{_quoted(entry.name)},sha256={text},{len(entry.content)}")
    lines.append(f"{_quoted(name)},,")
    return Entry(name, "".join(f"{line}\n" for line in lines).encode())


def _quoted(name: str) -> str:
    """Return *name* as a field of a CSV file."""
    special = "," in name or '"' in name
    return '"{}"'.format(name.replace('"', '""')) if special else name


def _damaged(archive: Path, reason: str) -> DamagedError:
    return DamagedError(
        f"{archive.name} is refused: {reason}.",
        "Nothing of it was used; find out where the file comes from.",
    )
