"""Whether a sealed release still is what its manifest says.

Standard library only: the commands of a site carry this module with them.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from karl.recipe.release.base.files import (
    SEALED_DIRECTORY,
    SEALED_FILE,
    folders_of,
)
from karl.recipe.release.base.layout import ReleaseLayout
from karl.recipe.release.trees.manifest import Manifest

#: Kinds of differences.
CHANGED = "changed"
ADDED = "added"
MISSING = "missing"
MODE = "mode"
LINK = "link"

_BATCH = 200
_CHUNK = 1 << 20
_REGULAR = stat.S_IFREG

#: Files that are read at the same time: more than there are processors, for
#: what is not in memory.
_READERS = 8

#: How many paths a message tells; ``switch-version --verify`` tells them all.
_TOLD = 10


@dataclass(frozen=True, order=True)
class Difference:
    """Something in a release that is not as it was sealed.

    :ivar path: relative to the release.
    :ivar kind: ``changed``, ``added``, ``missing``, ``mode`` or ``link``.
    """

    path: str
    kind: str
    detail: str = ""


def summary(differences: Iterable[Difference], most: int = _TOLD) -> str:
    """Return the first differences as one text, each path once.

    :param most: how many paths.
    """
    told: dict[str, list[str]] = {}
    for one in differences:
        detail = f": {one.detail}" if one.detail else ""
        told.setdefault(one.path, []).append(f"{one.kind}{detail}")
    shown = [f"{path} ({', '.join(told[path])})" for path in list(told)[:most]]
    more = len(told) - len(shown)
    return "; ".join(shown) + (f"; and {more} more." if more else ".")


def verify(
    layout: ReleaseLayout,
    *,
    full: bool = False,
    progress: Callable[[int], None] | None = None,
) -> list[Difference]:
    """Compare a release with its manifest; return what differs, sorted.

    Quickly: names, kinds, sizes, modes, links; and the content of whatever was
    written after the sealing.  In full: the content of every file.

    :param full: hash every file.
    :param progress: called with the number of files that were compared since.
    :raises DamagedError: there is no manifest that could be understood.
    """
    manifest = Manifest.load(layout)
    found = _Comparison(manifest, str(layout.root), layout.manifest.name)
    found.sealed = layout.manifest.lstat().st_mtime_ns
    found.walk(full=full)
    found.hash(progress)
    return sorted(found.differences)


class _Comparison:
    """A walk through a release, beside its manifest."""

    def __init__(self, manifest: Manifest, root: str, own_name: str) -> None:
        self.files = manifest.files
        self.links = manifest.links
        self.root = root
        self.own_name = own_name
        self.sealed = 0
        self.differences: list[Difference] = []
        self.to_hash: list[str] = []
        self.folders = folders_of((*manifest.files, *manifest.links))
        self._intact = 0
        self._present: set[str] = set()

    def tell(self, path: str, kind: str, detail: str = "") -> None:
        """Note a difference."""
        self.differences.append(Difference(path, kind, detail))

    def walk(self, *, full: bool) -> None:
        """Look at everything that is there, then tell what is not."""
        self._folder("", os.lstat(self.root).st_mode)
        todo = [""]
        while todo:
            todo += self._scan(todo.pop(), full=full)
        if self._intact + len(self._present) < len(self.files) + len(self.links):
            for path in self.files.keys() | self.links.keys():
                if path not in self._present and not os.path.lexists(
                    f"{self.root}/{path}"
                ):
                    self.tell(path, MISSING)

    def _folder(self, path: str, mode: int) -> None:
        if mode & 0o7777 != SEALED_DIRECTORY:
            self.tell(path or ".", MODE, _modes(SEALED_DIRECTORY, mode))

    def _scan(self, folder: str, *, full: bool) -> list[str]:
        """Compare the content of one folder; return the folders in it."""
        files, to_hash, sealed = self.files, self.to_hash, self.sealed
        prefix = f"{folder}/" if folder else ""
        folders = []
        with os.scandir(f"{self.root}/{folder}") as entries:
            for entry in entries:
                path = prefix + entry.name
                state = entry.stat(follow_symlinks=False)
                listed = files.get(path)
                if listed is None:
                    if path in self.folders and stat.S_ISDIR(state.st_mode):
                        self._folder(path, state.st_mode)
                        folders.append(path)
                    else:
                        self._other(path, state)
                    continue
                _, size, mode = listed
                if state.st_size == size and state.st_mode == _REGULAR | mode:
                    self._intact += 1
                    if full or state.st_mtime_ns > sealed:
                        to_hash.append(path)
                else:
                    self._present.add(path)
                    self._file(path, state, size, mode)
        return folders

    def _file(self, path: str, state: os.stat_result, size: int, mode: int) -> None:
        """Tell how a listed file differs from its listing."""
        if not stat.S_ISREG(state.st_mode):
            self.tell(path, CHANGED, "it is no regular file")
            return
        if state.st_mode & 0o7777 != mode:
            self.tell(path, MODE, _modes(mode, state.st_mode))
        if state.st_size != size:
            self.tell(path, CHANGED, f"{state.st_size} bytes instead of {size}")
        else:
            self.to_hash.append(path)

    def _other(self, path: str, state: os.stat_result) -> None:
        """Compare what is no listed file and no known folder."""
        if path == self.own_name:
            if state.st_mode != stat.S_IFREG | SEALED_FILE:
                self.tell(path, MODE, _modes(SEALED_FILE, state.st_mode))
        elif path not in self.links:
            self.tell(path, ADDED)
        else:
            self._present.add(path)
            link = stat.S_ISLNK(state.st_mode)
            text = os.readlink(f"{self.root}/{path}") if link else "no link"
            if text != self.links[path]:
                self.tell(path, LINK, f"{text} instead of {self.links[path]}")

    def hash(self, progress: Callable[[int], None] | None) -> None:
        """Compare the content of the files that were chosen."""
        batches = [
            self.to_hash[start : start + _BATCH]
            for start in range(0, len(self.to_hash), _BATCH)
        ]
        if not batches:
            return
        # Here, because it takes longer to import than a switch may take.
        import concurrent.futures

        with concurrent.futures.ThreadPoolExecutor(_READERS) as pool:
            for changed, count in pool.map(self._hash_batch, batches):
                for path in changed:
                    self.tell(path, CHANGED, "its content differs")
                if progress is not None:
                    progress(count)

    def _hash_batch(self, batch: list[str]) -> tuple[list[str], int]:
        return [p for p in batch if self._sha256(p) != self.files[p][0]], len(batch)

    def _sha256(self, path: str) -> str:
        digest = hashlib.sha256()
        try:
            with open(f"{self.root}/{path}", "rb", buffering=0) as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
        except OSError:
            return ""
        return digest.hexdigest()


def _modes(expected: int, found: int) -> str:
    return f"{found & 0o7777:04o} instead of {expected:04o}"
