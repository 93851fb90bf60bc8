"""Everything that changes the file system, in one place.

Each change is announced to :data:`seam` just before it is made, so that a
test can fail it or kill the process at exactly that point.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

#: Permission bits of a sealed file, a sealed executable and a sealed directory.
SEALED_FILE = 0o444
SEALED_SCRIPT = 0o555
SEALED_DIRECTORY = 0o555

#: Marks a name as unfinished work of ours; the next run may remove it.
PARTIAL_PREFIX = ".partial-"

_CHUNK = 1 << 20


def _no_fault(action: str, path: Path) -> None:
    """Let every change happen."""


#: Called with the name of the change and its path before every change.
seam: Callable[[str, Path], None] = _no_fault


def sha256_of(path: Path) -> str:
    """Return the hexadecimal sha256 of the file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def partial_name(final: Path) -> Path:
    """Return a new name beside *final* that marks unfinished work."""
    return final.with_name(f"{PARTIAL_PREFIX}{final.name}-{os.urandom(4).hex()}")


def is_partial(path: Path) -> bool:
    """Tell whether *path* is unfinished work of an earlier run."""
    return path.name.startswith(PARTIAL_PREFIX)


def fsync_directory(path: Path) -> None:
    """Make the entries of the directory *path* durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(path: Path) -> None:
    """Make everything written to *path*'s file system durable: syncfs(2).

    Cheaper than one fsync a file where a tree has thousands of them.
    """
    import ctypes  # a command that never needs it starts sooner without

    seam("syncfs", path)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(path))
    finally:
        os.close(descriptor)


def let_no_stranger_write() -> None:
    """Have every folder and file we make closed to other users' writing.

    An umask of 0, as daemons and containers have it, would open even the folders
    of code that we run.
    """
    os.umask(os.umask(0o022) | 0o022)


def make_directory(path: Path) -> None:
    """Make *path* and its parents, if they are missing."""
    if not path.is_dir():
        seam("mkdir", path)
        path.mkdir(parents=True, exist_ok=True)


def make_private_directory(path: Path) -> None:
    """Make *path*, if it is missing, so that only its owner may enter it."""
    if not path.is_dir():
        make_directory(path.parent)
        seam("mkdir", path)
        path.mkdir(mode=0o700)


def make_directory_as(path: Path, mode: int, group: int = -1) -> None:
    """Make *path*, if it is missing, and have it open to whom it should be.

    :param mode: permission bits.
    :param group: its number; -1: whichever it is.
    :raises OSError: it is another user's, or the user is not of that group.
    """
    make_private_directory(path)
    if group not in {-1, path.stat().st_gid}:
        seam("chown", path)
        os.chown(path, -1, group)
    if stat.S_IMODE(path.stat().st_mode) != mode:
        seam("chmod", path)
        path.chmod(mode)


def folders_of(paths: Iterable[str]) -> set[str]:
    """Return every folder that *paths* are in, without the root."""
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Give the name of a file or link to make; at the end it replaces *target*.

    If the body fails, it is removed.
    """
    partial = partial_name(target)
    try:
        yield partial
        rename(partial, target)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def write(path: Path, content: bytes | str, mode: int = 0o644) -> None:
    """Write a file so that its name has the old content or all of the new."""
    make_directory(path.parent)
    seam("write", path)
    with _replacing(path) as partial:
        _put(partial, content, mode)


def write_new(path: Path, content: bytes | str, mode: int = 0o644) -> None:
    """Write a new file into a folder that nobody looks into yet, durably.

    The caller makes the folder's entries durable, or renames it.
    """
    seam("write", path)
    _put(path, content, mode)


def _put(path: Path, content: bytes | str, mode: int) -> None:
    """Write a new file, durably."""
    data = content.encode() if isinstance(content, str) else content
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)


def write_if_changed(path: Path, content: bytes | str, mode: int = 0o644) -> bool:
    """Write like :func:`write`, but only a change; tell whether there was one."""
    data = content.encode() if isinstance(content, str) else content
    try:
        same = path.read_bytes() == data and stat.S_IMODE(path.lstat().st_mode) == mode
    except OSError:
        same = False
    if not same:
        write(path, data, mode)
    return not same


def rename(source: Path, target: Path) -> None:
    """Rename atomically (rename(2)) and make the new name durable."""
    seam("rename", target)
    os.replace(source, target)
    fsync_directory(target.parent)


def swing_symlink(link: Path, target: str) -> None:
    """Point *link* to *target* by one rename(2): never missing, never dangling.

    :param target: the text of the link, usually relative to the link's folder.
    """
    seam("symlink", link)
    with _replacing(link) as partial:
        os.symlink(target, partial)


def copy_file(source: Path, target: Path, mode: int = 0o644) -> None:
    """Copy a file's content to the new name *target*: complete or absent."""
    import shutil  # brings compression modules that most commands never need

    make_directory(target.parent)
    seam("copy", target)
    with (
        _replacing(target) as partial,
        source.open("rb") as reader,
        partial.open("xb") as writer,
    ):
        shutil.copyfileobj(reader, writer, _CHUNK)
        writer.flush()
        os.fchmod(writer.fileno(), mode)
        os.fsync(writer.fileno())


def link_or_copy(source: str, target: str) -> None:
    """Hard-link *source* to the new name *target*; copy where that cannot be.

    Linking fails between file systems, past the file system's limit of links,
    and for files of another user where ``fs.protected_hardlinks`` is set.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EMLINK, errno.EPERM):
            raise
        import shutil

        shutil.copy2(source, target)


def remove_tree(path: Path) -> None:
    """Remove a file, link or tree, also a read-only one.

    Only for unfinished work and for what an operator asked to have pruned.
    """
    if not path.is_symlink() and path.is_dir():
        seam("rmtree", path)
        import shutil

        for folder, _, _ in os.walk(path):
            os.chmod(folder, 0o700)
        shutil.rmtree(path)
    elif path.is_symlink() or path.exists():
        seam("unlink", path)
        path.unlink()


def partial_in(directory: Path) -> list[Path]:
    """Return what killed runs left in *directory*, or what is being made there."""
    try:
        return sorted(path for path in directory.iterdir() if is_partial(path))
    except (FileNotFoundError, NotADirectoryError):
        return []


def remove_partial(directory: Path) -> list[Path]:
    """Remove what killed runs left in *directory*; return what was removed.

    What cannot be removed (another user's, say) is in nobody's way, and stays.
    The caller holds the lock under which such names are made.
    """
    return [path for path in partial_in(directory) if try_to_remove(path)]


def try_to_remove(path: Path) -> bool:
    """Remove a leftover; tell whether that went well."""
    try:
        remove_tree(path)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def new_tree(final: Path) -> Iterator[Path]:
    """Give a directory to fill; at the end it stands under *final*, whole.

    The content is made durable before the rename.  If the body fails, nothing
    is left; if the process is killed, only a partial name is.
    """
    make_directory(final.parent)
    partial = partial_name(final)
    seam("mkdir", partial)
    partial.mkdir()
    try:
        yield partial
        sync_file_system(partial)
        rename(partial, final)
    except BaseException:
        with contextlib.suppress(OSError):
            remove_tree(partial)
        raise


def canonical_json(value: Any) -> str:
    """Return the one JSON text of *value*: sorted, indented, newline at the end."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
