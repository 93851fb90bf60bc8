"""Large files, and parts of them: cloned, linked, copied, appended, cut.

Like every change of the file system each is announced to
:data:`karl.recipe.release.base.files.seam` just before it is made.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError

#: Of ioctl_ficlone(2): share the blocks of another file.
_FICLONE = 0x40049409

#: What a file system says that cannot share blocks, or not between these files.
_NO_CLONE = (
    errno.EINVAL, errno.ENOSYS, errno.ENOTTY, errno.EOPNOTSUPP, errno.EPERM,
    errno.EXDEV,
)  # fmt: skip

#: What is said where a file cannot have one more name there.
_NO_LINK = (errno.EMLINK, errno.EOPNOTSUPP, errno.EPERM, errno.EXDEV)

_CHUNK = 1 << 20

#: More files than this are made durable all at once.
_MANY = 64

#: Is given each piece that was read, as for a checksum.
Feed = Callable[[bytes], object]


def _ignore(piece: bytes) -> None:
    """Do nothing with it."""


def open_plain(path: Path) -> int:
    """Return a descriptor of a file, to read it; never of what a link points to.

    :raises DamagedError: it is not a plain file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise _no_plain_file(path) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _no_plain_file(path)
    return descriptor


def _no_plain_file(path: Path) -> DamagedError:
    return DamagedError(
        f"{path} is not a plain file.", "Find out who put it there, and why."
    )


def read(path: Path, feed: Feed) -> int:
    """Read a whole plain file, piece by piece; return how many bytes it has."""
    size = 0
    with os.fdopen(open_plain(path), "rb", buffering=0) as reader:
        while piece := reader.read(_CHUNK):
            feed(piece)
            size += len(piece)
    return size


def link(source: Path, target: Path) -> bool:
    """Give a plain file one more name, new; tell whether that can be there."""
    files.seam("link", target)
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        return False
    return True


def clone(source: Path, target: Path) -> bool:
    """Make a new file that shares the blocks of another; tell whether that can be.

    It is not durable yet: see :func:`files.sync_file_system`.
    """
    files.seam("clone", target)
    reader = open_plain(source)
    try:
        writer = _new(target)
        try:
            fcntl.ioctl(writer, _FICLONE, reader)
        except OSError as error:
            os.unlink(target)
            if error.errno not in _NO_CLONE:
                raise
            return False
        finally:
            os.close(writer)
    finally:
        os.close(reader)
    return True


def copy(source: Path, target: Path, feed: Feed = _ignore) -> int:
    """Copy a plain file to a new name, with its times; return its size.

    Durable as :func:`copy_range` is.
    """
    status = os.stat(source, follow_symlinks=False)
    copy_range(source, target, 0, status.st_size, feed)
    os.chmod(target, stat.S_IMODE(status.st_mode))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    return status.st_size


def copy_range(
    source: Path, target: Path, start: int, size: int, feed: Feed = _ignore
) -> None:
    """Copy a part of a file to a new file, which nobody looks at yet.

    It is not durable yet: see :func:`files.sync_file_system`.

    :raises DamagedError: the file ends before.
    """
    files.seam("copy", target)
    reader = open_plain(source)
    try:
        with os.fdopen(_new(target), "wb", buffering=0) as writer:
            try:
                _pour(reader, writer.fileno(), start, size, feed)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(target)
                raise
    finally:
        os.close(reader)


def append(source: Path, target: Path, start: int, feed: Feed = _ignore) -> None:
    """Add the content of *source* from *start* on to a file, durably.

    If that fails, the file is as long as it was.
    """
    files.seam("append", target)
    reader = open_plain(source)
    writer = os.open(target, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
    size = os.fstat(writer).st_size
    try:
        _pour(reader, writer, start, os.fstat(reader).st_size - start, feed)
        os.fsync(writer)
    except BaseException:
        with contextlib.suppress(OSError):
            os.ftruncate(writer, size)
        raise
    finally:
        os.close(writer)
        os.close(reader)


def cut(path: Path, size: int) -> None:
    """Have a file end after *size* bytes, durably."""
    files.seam("truncate", path)
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        os.ftruncate(descriptor, size)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync(paths: Sequence[Path], top: Path) -> None:
    """Make files durable, and the folders that lead to them from *top*.

    A few are synced one by one: the rest of the file system may have much that is
    not on disk yet, and is not ours to wait for.
    """
    if len(paths) > _MANY:
        files.sync_file_system(top)
        return
    files.seam("fsync", top)
    folders = {top}
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        folders |= {folder for folder in path.parents if top in folder.parents}
    for folder in sorted(folders, reverse=True):
        files.fsync_directory(folder)


def write_with(path: Path, writer: Callable[[Path], object]) -> None:
    """Have *writer* write a file, which then takes the name *path* in one moment."""
    files.seam("write", path)
    partial = files.partial_name(path)
    try:
        writer(partial)
        descriptor = os.open(partial, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        files.rename(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def remove_with_folders(path: Path, top: Path) -> None:
    """Remove a file if it is there, and the folders below *top* that this empties."""
    if path.is_symlink() or path.exists():
        files.remove_tree(path)
    folder = path.parent
    while top in folder.parents:
        try:
            folder.rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            return
        folder = folder.parent


def _new(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    return os.open(path, flags, 0o600)


def _pour(reader: int, writer: int, start: int, size: int, feed: Feed) -> None:
    done = 0
    while done < size:
        piece = os.pread(reader, min(_CHUNK, size - done), start + done)
        if not piece:
            raise DamagedError(
                f"A file ends {size - done} bytes before it should.",
                "It was cut off while it was read; see what writes to it.",
            )
        feed(piece)
        done += len(piece)
        while piece:  # A disk that fills up takes a part without complaint.
            piece = piece[os.write(writer, piece) :]
