"""``release.json``: what a sealed release is, and whether it still is that.

Standard library only: the commands of a site carry this module with them.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from karl.recipe.release.base.errors import DamagedError
from karl.recipe.release.base.files import (
    SEALED_DIRECTORY,
    SEALED_FILE,
    folders_of,
    sha256_of,
)
from karl.recipe.release.base.layout import ReleaseLayout

FORMAT = 1

#: Kinds of differences.
CHANGED = "changed"
ADDED = "added"
MISSING = "missing"
MODE = "mode"
LINK = "link"

_TIP = (
    "Nobody may edit a release: build a new version, switch to it, and remove this one."
)
_BATCH = 200
_CHUNK = 1 << 20
_FIELDS = 3
_REGULAR = stat.S_IFREG

#: Files that are read at the same time: more than there are processors, for
#: what is not in memory.
_READERS = 8

#: How many paths a message tells; ``switch-version --verify`` tells them all.
_SHOWN = 10


@dataclass(frozen=True, order=True)
class Difference:
    """Something in a release that is not as it was sealed.

    :ivar path: relative to the release.
    :ivar kind: ``changed``, ``added``, ``missing``, ``mode`` or ``link``.
    """

    path: str
    kind: str
    detail: str = ""


def summary(differences: Iterable[Difference]) -> str:
    """Return the first differences as one text, each path once."""
    told: dict[str, list[str]] = {}
    for one in differences:
        detail = f": {one.detail}" if one.detail else ""
        told.setdefault(one.path, []).append(f"{one.kind}{detail}")
    shown = [f"{path} ({', '.join(told[path])})" for path in list(told)[:_SHOWN]]
    more = len(told) - len(shown)
    return "; ".join(shown) + (f"; and {more} more." if more else ".")


@dataclass(frozen=True)
class Manifest:
    """What ``release.json`` says.

    :ivar release: the version.
    :ivar index: name and sha256 of the index it was built from.
    :ivar request: what was asked for.
    :ivar python: the Python it is for.
    :ivar distributions: name, version, file, sha256; for what was built here
        also the sha256 of the sdist and the key.
    :ivar system_libraries: by project: the proof of its linkage.
    :ivar smoke: entry points and modules that must import.
    :ivar links: by path: text of the symlink.
    :ivar files: by path: sha256, size, mode.
    """

    release: str
    index: Mapping[str, str]
    request: Mapping[str, Any]
    python: Mapping[str, str]
    distributions: Sequence[Mapping[str, Any]]
    system_libraries: Mapping[str, Any]
    smoke: Sequence[str]
    links: Mapping[str, str]
    files: Mapping[str, tuple[str, int, int]]

    @classmethod
    def load(cls, layout: ReleaseLayout) -> Manifest:
        """Read the manifest of a release.

        :raises DamagedError: it is missing or cannot be understood.
        """
        path = layout.manifest
        try:
            state = path.lstat()
            return _load(str(path), state.st_ino, state.st_mtime_ns, state.st_size)
        except FileNotFoundError:
            raise DamagedError(f"{layout.root} has no {path.name}.", _TIP) from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedError(f"{path} cannot be read: {error!r}.", _TIP) from error

    def render(self, lines: str = "") -> bytes:
        """Return the canonical bytes: the same release, the same bytes.

        :param lines: the files as :func:`file_lines` writes them, if at hand.
        """
        head = {
            "format": FORMAT,
            "release": self.release,
            "index": dict(self.index),
            "request": self.request,
            "python": dict(self.python),
            "distributions": list(self.distributions),
            "system_libraries": dict(self.system_libraries),
            "smoke": list(self.smoke),
            "links": dict(self.links),
        }
        text = json.dumps(head, indent=1, sort_keys=True, ensure_ascii=False)
        lines = lines or file_lines(self.files)
        return f'{text[:-2]},\n "files": {{\n{lines}\n }}\n}}\n'.encode()


def file_lines(listing: Mapping[str, tuple[str, int, int]]) -> str:
    """Return all files as lines of the manifest."""
    return ",\n".join([file_line(path, listing[path]) for path in sorted(listing)])


def file_line(path: str, listed: tuple[str, int, int]) -> str:
    """Return one file as a line of the manifest."""
    sha256, size, mode = listed
    plain = path.isascii() and path.isprintable() and '"' not in path
    name = f'"{path}"' if plain and "\\" not in path else json.dumps(path)
    return f'  {name}: ["{sha256}", {size}, {mode}]'


@lru_cache(maxsize=4)
def _load(path: str, inode: int, mtime: int, size: int) -> Manifest:
    """Read a manifest; the same file is read once by one process."""
    del inode, mtime, size
    with open(path, encoding="utf-8") as stream:
        found = json.load(stream)
    if found.pop("format") != FORMAT:
        raise ValueError("its format is unknown; use a newer karl.recipe.release")
    if any(len(listed) != _FIELDS for listed in found["files"].values()):
        raise ValueError("a file is not listed as it must be")
    return Manifest(**{**found, "links": dict(found["links"])})


def verify(
    layout: ReleaseLayout,
    *,
    full: bool = False,
    progress: Callable[[int], None] | None = None,
    expected_sha256: str = "",
) -> list[Difference]:
    """Compare a release with its manifest; return what differs, sorted.

    Quickly: names, kinds, sizes, modes, links; and the content of whatever was
    written after the sealing.  In full: the content of every file.

    :param full: hash every file.
    :param progress: called with the number of files that were compared since.
    :param expected_sha256: of ``release.json``, if it is known from elsewhere.
    :raises DamagedError: there is no manifest that could be understood.
    """
    manifest = Manifest.load(layout)
    found = _Comparison(manifest, str(layout.root), layout.manifest.name)
    found.sealed = layout.manifest.lstat().st_mtime_ns
    found.walk(full=full)
    if expected_sha256 and sha256_of(layout.manifest) != expected_sha256:
        found.tell(layout.manifest.name, CHANGED, "it is not the recorded one")
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
