"""The tree of a release: planned as a list of paths, then made in one go."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from karl.recipe.release import files, workers
from karl.recipe.release.entry import Listing, section_of
from karl.recipe.release.errors import RefusedError
from karl.recipe.release.interpreter import base_interpreter, environment_file
from karl.recipe.release.layout import ReleaseLayout
from karl.recipe.release.manifest import folders_of
from karl.recipe.release.store import Stored

#: Declarations of a namespace, which many distributions may carry alike.
_NAMESPACE = (b"declare_namespace(__name__)", b"extend_path(__path__, __name__)")
_LONGEST_NAMESPACE = 2000


@dataclass(frozen=True)
class Linked:
    """Files of a store entry and the folder they are linked into.

    :ivar source: folder in the store.
    :ivar prefix: below the tree's root; empty or with a slash at the end.
    :ivar names: relative to both.
    """

    source: str
    prefix: str
    names: tuple[str, ...]


@dataclass
class Tree:
    """Everything that a release holds, but ``release.json``.

    :ivar files: by path: sha256, size, mode.
    :ivar links: by path: text of the symlink.
    """

    release: ReleaseLayout
    files: Listing = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    linked: list[Linked] = field(default_factory=list)
    written: dict[str, bytes] = field(default_factory=dict)
    _owners: list[tuple[str, Listing]] = field(default_factory=list)
    _problems: list[str] = field(default_factory=list)

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
                source = section_of(str(stored.root), section)
                self._link(entry.name, source, prefixes[section], listing)

    def _link(self, owner: str, source: str, prefix: str, listing: Listing) -> None:
        new = {prefix + path: listed for path, listed in listing.items()}
        shared = self.files.keys() & new.keys()
        if shared:
            self._settle(owner, source, prefix, new, shared)
        self.files.update(new)
        self._owners.append((owner, new))
        names = [path.removeprefix(prefix) for path in new] if shared else listing
        self.linked.append(Linked(source, prefix, tuple(names)))

    def _settle(
        self,
        owner: str,
        source: str,
        prefix: str,
        new: Listing,
        shared: Iterable[str],
    ) -> None:
        """Leave out what another distribution brings alike; else it is a clash.

        Only the ``__init__.py`` of a legacy namespace may be shared: its bytes
        are the same, and so is what its bytecode does.
        """
        same = {
            path
            for path in shared
            if self.files[path] == new[path]
            and _declares_namespace(f"{source}/{path.removeprefix(prefix)}")
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

    def add_scripts(self, scripts: dict[str, bytes]) -> None:
        """Take in the scripts, by name."""
        folder = self.path(self.release.bin)
        for name, content in scripts.items():
            self.add_file(f"{folder}/{name}", content, files.SEALED_SCRIPT)

    def add_environment(self) -> None:
        """Take in what makes the tree an environment of the base interpreter."""
        self.links[self.path(self.release.interpreter)] = base_interpreter()
        path = self.path(self.release.environment)
        self.add_file(path, environment_file().encode(), files.SEALED_FILE)

    def check(self) -> None:
        """Refuse a tree in which two want the same place.

        :raises RefusedError: tells every such place.
        """
        places = {*self.files, *self.links}
        own = {self.path(self.release.manifest)}
        taken = (places & folders_of(places)) | (own & places)
        taken |= self.files.keys() & self.links.keys()
        problems = [*self._problems, *(f"{path} is taken" for path in sorted(taken))]
        if problems:
            raise RefusedError(
                f"Distributions claim the same place: {'; '.join(problems)}.",
                "Take one of them out of the eggs, or freeze the index with versions "
                "that do not clash.",
            )


def make(
    tree: Tree, root: Path, count: int, progress: Callable[[int, str], None]
) -> None:
    """Make the planned *tree* at the new, empty folder *root*; folders stay open.

    :param count: processes that link at the same time.
    :param progress: called with the number of files that are done since.
    """
    base = str(root)
    files.seam("mkdir", root)
    for folder in sorted(folders_of((*tree.files, *tree.links))):
        os.mkdir(f"{base}/{folder}", 0o755)
    for path, target in tree.links.items():
        files.seam("symlink", root / path)
        os.symlink(target, f"{base}/{path}")
    jobs = sorted(tree.linked, key=lambda job: -len(job.names))
    for done in workers.spread(_Linking(base), _grouped(jobs, count * 8), count):
        progress(done, "")
    for path, content in tree.written.items():
        write(f"{base}/{path}", content, tree.files[path][2])
    progress(len(tree.written), "")


def seal(tree: Tree, root: Path) -> None:
    """Take the write permission from all folders; the files never had it."""
    files.seam("seal", root)
    for folder in folders_of((*tree.files, *tree.links)):
        os.chmod(f"{root}/{folder}", files.SEALED_DIRECTORY)
    os.chmod(root, files.SEALED_DIRECTORY)


def write(path: str, content: bytes, mode: int) -> None:
    """Write a new file of an unfinished tree."""
    files.seam("write", Path(path))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        os.fchmod(descriptor, mode)


@dataclass(frozen=True)
class _Linking:
    """Links groups of files into the tree at *base*."""

    base: str

    def __call__(self, group: list[Linked]) -> int:
        count = 0
        link = files.link_or_copy
        for job in group:
            files.seam("link", Path(self.base, job.prefix))
            target = f"{self.base}/{job.prefix}"
            source = f"{job.source}/"
            for name in job.names:
                link(source + name, target + name)
            count += len(job.names)
        return count


def _grouped(jobs: list[Linked], count: int) -> list[list[Linked]]:
    """Deal the jobs out to groups of about equal size, the largest jobs first."""
    groups: list[list[Linked]] = [[] for _ in range(max(1, min(count, len(jobs))))]
    sizes = [0] * len(groups)
    for job in jobs:
        place = sizes.index(min(sizes))
        groups[place].append(job)
        sizes[place] += len(job.names)
    return [group for group in groups if group]


def _declares_namespace(path: str) -> bool:
    if not path.endswith("/__init__.py"):
        return False
    with open(path, "rb") as stream:
        state = os.fstat(stream.fileno())
        if not stat.S_ISREG(state.st_mode) or state.st_size > _LONGEST_NAMESPACE:
            return False
        text = stream.read().replace(b" ", b"")
    return any(mark.replace(b" ", b"") in text for mark in _NAMESPACE)
