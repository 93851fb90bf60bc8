"""The tree of a release: planned as a list of paths, then made in one go."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.base.files import folders_of
from karl.recipe.release.base.layout import ReleaseLayout
from karl.recipe.release.base.payload import base_interpreter
from karl.recipe.release.trees import workers
from karl.recipe.release.trees.entry import Listing, edited, is_intact, section_of
from karl.recipe.release.trees.interpreter import environment_file
from karl.recipe.release.trees.manifest import file_lines
from karl.recipe.release.trees.store import Stored

#: Declarations of a namespace, which many distributions may carry alike.
_NAMESPACE = (b"declare_namespace(__name__)", b"extend_path(__path__, __name__)")
_LONGEST_NAMESPACE = 2000

#: Where Python looks for what steers it, and our own names, below the root.
_STEERING = re.compile(
    r"libexec/.*|bin/python[^/]*|(?:[^/]+/)?(?:pyvenv\.cfg|[^/]*\._pth)|release\.json"
)


@dataclass(frozen=True)
class Linked:
    """Files of a store entry and the folder they are linked into.

    :ivar root: of the entry.
    :ivar section: of the entry.
    :ivar mtime: that all files of the entry must have, seconds.
    :ivar prefix: below the tree's root; empty or with a slash at the end.
    :ivar listing: the files, relative to section and prefix.
    :ivar folders: that no other has files in; made together with the files.
    """

    root: str
    section: str
    mtime: int
    prefix: str
    listing: Listing
    folders: list[str] = field(default_factory=list)


@dataclass
class Tree:
    """Everything that a release holds, but ``release.json``.

    :ivar files: by path: sha256, size, mode.
    :ivar links: by path: text of the symlink.
    :ivar linked: what is linked from the store.
    :ivar written: content of our own making.
    :ivar folders: every folder, with what alone has files in it; None where
        several meet.
    """

    release: ReleaseLayout
    files: Listing = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    linked: list[Linked] = field(default_factory=list)
    written: dict[str, bytes] = field(default_factory=dict)
    folders: dict[str, Linked | None] = field(default_factory=dict)
    _owners: list[tuple[str, Listing]] = field(default_factory=list)
    _problems: list[str] = field(default_factory=list)
    _steering: list[str] = field(default_factory=list)

    def path(self, place: Path) -> str:
        """Return a place of the release as a path of the tree."""
        return place.relative_to(self.release.root).as_posix()

    def add_distribution(self, stored: Stored) -> None:
        """Take in the files of a store entry."""
        entry = stored.entry
        prefixes = {
            "lib": f"{self.path(self.release.site_packages)}/",
            "data": "",
            "headers": f"{self.path(self.release.headers)}/{entry.name}/",
        }
        for section, listing in entry.sections():
            if section in prefixes and listing:
                job = Linked(
                    str(stored.root), section, entry.mtime, prefixes[section], listing
                )
                self._link(entry.name, job)

    def _link(self, owner: str, job: Linked) -> None:
        prefix = job.prefix
        new = {prefix + path: listed for path, listed in job.listing.items()}
        shared = self.files.keys() & new.keys()
        if shared:
            self._settle(owner, job, new, shared)
            listing = {path.removeprefix(prefix): new[path] for path in new}
            job = replace(job, listing=listing)
        if not prefix:
            self._steering += [
                f"{path} of {owner}" for path in new if _STEERING.fullmatch(path)
            ]
        self.files.update(new)
        self._owners.append((owner, new))
        self.linked.append(job)
        self._enter_folders(new, job)

    def _enter_folders(self, paths: Iterable[str], owner: Linked | None) -> None:
        for folder in folders_of(paths):
            self.folders[folder] = None if folder in self.folders else owner

    def _settle(
        self,
        owner: str,
        job: Linked,
        new: Listing,
        shared: Iterable[str],
    ) -> None:
        """Leave out what another distribution brings alike; else it is a clash.

        Only the ``__init__.py`` of a legacy namespace may be shared: its bytes
        are the same, and so is what its bytecode does.
        """
        source = section_of(job.root, job.section)
        same = {
            path
            for path in shared
            if self.files[path] == new[path]
            and declares_namespace(f"{source}/{path.removeprefix(job.prefix)}")
        }
        folders = {path.rpartition("/")[0] for path in same}
        for path in sorted(shared):
            folder, _, name = path.rpartition("/")
            bytecode = name.startswith("__init__.") and name.endswith(".pyc")
            if path in same or (bytecode and folder.rpartition("/")[0] in folders):
                del new[path]
            else:
                self._problems.append(f"{path} is of {self._owner(path)} and {owner}")

    def _owner(self, path: str) -> str:
        return next((name for name, owned in self._owners if path in owned), "us")

    def add_file(self, path: str, content: bytes, mode: int) -> None:
        """Take in a file of our own making."""
        if path in self.files:
            self._problems.append(f"{path} is of {self._owner(path)} and generated")
        self.files[path] = (hashlib.sha256(content).hexdigest(), len(content), mode)
        self.written[path] = content
        self._enter_folders([path], None)

    def add_scripts(self, scripts: dict[str, bytes]) -> None:
        """Take in the scripts, by name."""
        folder = self.path(self.release.bin)
        for name, content in scripts.items():
            self.add_file(f"{folder}/{name}", content, files.SEALED_SCRIPT)

    def add_environment(self) -> None:
        """Take in what makes the tree an environment of the base interpreter."""
        link = self.path(self.release.interpreter)
        self.links[link] = base_interpreter()
        self._enter_folders([link], None)
        path = self.path(self.release.environment)
        self.add_file(path, environment_file().encode(), files.SEALED_FILE)

    def check(self) -> None:
        """Refuse a tree in which two want the same place, or one steers Python.

        :raises RefusedError: tells every such place.
        """
        if self._steering:
            raise RefusedError(
                "Only the release itself may have what steers its interpreter: "
                f"{', '.join(sorted(self._steering))}.",
                "Take what brings it out of the eggs, or freeze the index with "
                "another version of it.",
            )
        places = {*self.files, *self.links}
        own = {self.path(self.release.manifest)}
        taken = (places & self.folders.keys()) | (own & places)
        taken |= self.files.keys() & self.links.keys()
        problems = [*self._problems, *(f"{path} is taken" for path in sorted(taken))]
        if problems:
            raise RefusedError(
                f"Distributions claim the same place: {'; '.join(problems)}.",
                "Take one of them out of the eggs, or freeze the index with versions "
                "that do not clash.",
            )


def make(tree: Tree, root: Path, count: int, progress: Callable[[int], None]) -> str:
    """Make the planned *tree* at the new, empty folder *root*.

    Folders that hold files of one distribution alone are sealed at once; the
    others, and the root, are left open.

    :param count: processes that link at the same time.
    :param progress: called with the number of files that are done since.
    :returns: all files, as lines of the manifest.
    :raises EditedError: an entry of the store is not what it was.
    """
    base = str(root)
    files.seam("mkdir", root)
    for folder in sorted(tree.folders):
        owner = tree.folders[folder]
        if owner is None:
            os.mkdir(f"{base}/{folder}", 0o755)
        else:
            owner.folders.append(folder)
    for path, target in tree.links.items():
        files.seam("symlink", root / path)
        os.symlink(target, f"{base}/{path}")
    for path, content in tree.written.items():
        write(f"{base}/{path}", content, tree.files[path][2])
    jobs: list[Callable[[], int | str]] = [partial(file_lines, tree.files)]
    jobs += [partial(_link, base, group) for group in _grouped(tree.linked, count * 8)]
    lines = ""
    with contextlib.closing(workers.spread(_do, jobs, count)) as results:
        for result in results:
            if isinstance(result, str):
                lines = result
            else:
                progress(result)
    return lines


def seal(tree: Tree, root: Path) -> None:
    """Take the write permission from the folders that are still open."""
    files.seam("seal", root)
    for folder, owner in tree.folders.items():
        if owner is None:
            os.chmod(f"{root}/{folder}", files.SEALED_DIRECTORY)
    os.chmod(root, files.SEALED_DIRECTORY)


def write(path: str, content: bytes, mode: int) -> None:
    """Write a new file of an unfinished tree."""
    files.seam("write", Path(path))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        os.fchmod(descriptor, mode)


def _do(job: Callable[[], int | str]) -> int | str:
    return job()


def _link(base: str, group: list[Linked]) -> int:
    """Link a group of files into the tree at *base*; return how many.

    On the way it looks at their sizes, times and modes: enough to see an edit.
    """
    lstat, link = os.lstat, files.link_or_copy
    for job in group:
        files.seam("link", Path(base, job.prefix))
        for folder in job.folders:
            os.mkdir(f"{base}/{folder}", 0o755)
        target = f"{base}/{job.prefix}"
        source = f"{section_of(job.root, job.section)}/"
        for name, (_, size, mode) in job.listing.items():
            try:
                seen = lstat(source + name)
            except FileNotFoundError as error:
                raise edited(job.root, f"{name} is missing") from error
            if not is_intact(seen, size, mode, job.mtime):
                raise edited(job.root, f"{name} was changed")
            link(source + name, target + name)
        for folder in job.folders:
            os.chmod(f"{base}/{folder}", files.SEALED_DIRECTORY)
    return sum(len(job.listing) for job in group)


def _grouped(jobs: list[Linked], count: int) -> list[list[Linked]]:
    """Deal the jobs out to groups of about equal size, the largest jobs first."""
    groups: list[list[Linked]] = [[] for _ in range(max(1, min(count, len(jobs))))]
    sizes = [0] * len(groups)
    for job in sorted(jobs, key=lambda job: -len(job.listing)):
        place = sizes.index(min(sizes))
        groups[place].append(job)
        sizes[place] += len(job.listing)
    return [group for group in groups if group]


def declares_namespace(path: str) -> bool:
    """Tell whether the file *path* is the ``__init__.py`` of a legacy namespace."""
    if not path.endswith("/__init__.py"):
        return False
    with open(path, "rb") as stream:
        state = os.fstat(stream.fileno())
        if not stat.S_ISREG(state.st_mode) or state.st_size > _LONGEST_NAMESPACE:
            return False
        text = stream.read().replace(b" ", b"")
    return any(mark.replace(b" ", b"") in text for mark in _NAMESPACE)
