"""The pool: one accretive directory of distribution files.

Pooling itself is compoze's :class:`~compoze.pooler.Pooler`.  The subclass adds
what a pool that installations trust must have: wheels and eggs, refusal of
other bytes under a known name, durable writes and relative links.
"""

from __future__ import annotations

import contextlib
import os
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from compoze.pooler import Pooler
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError, RefusedError, UsageError
from karl.recipe.release.base.journal import Journal
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.names import checked_file_name, normalised
from karl.recipe.release.distributions.metadata import Metadata, same_version
from karl.recipe.release.distributions.packages import File
from karl.recipe.release.distributions.pep658 import wheel_metadata

#: Pooled files never change, so nobody may write to them.
POOLED = 0o444

WHEEL = ".whl"
EGG = ".egg"
SDISTS = (".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tbz")

#: Seconds to wait while another command writes to the pool.
_PATIENCE = 600.0


def is_distribution(name: str) -> bool:
    """Tell whether a file of this name is a wheel, sdist or egg."""
    return name.endswith((WHEEL, EGG, *SDISTS))


@dataclass(frozen=True, order=True)
class Pooled:
    """A file of the pool, by what its name says.

    :ivar project: normalised.
    :ivar version: as in the file's name.
    """

    project: str
    version: str
    name: str


def identify(name: str) -> Pooled:
    """Return project and version of a distribution file, from its name alone.

    An unknown archive is never unpacked or run to learn its name.

    :raises UsageError: it does not have the name of a distribution file.
    """
    checked_file_name(name)
    try:
        if name.endswith(WHEEL):
            project, version, *_ = parse_wheel_filename(name)
            return Pooled(normalised(project), str(version), name)
        if name.endswith(EGG):
            stem = name.removesuffix(EGG).split("-")
            return Pooled(normalised(stem[0]), str(Version(stem[1])), name)
        for ending in SDISTS:
            if name.endswith(ending):
                plain = name.removesuffix(ending) + ".tar.gz"
                project, version = parse_sdist_filename(plain)
                return Pooled(normalised(project), str(version), name)
    except (
        InvalidWheelFilename,
        InvalidSdistFilename,
        InvalidVersion,
        IndexError,
    ) as error:
        raise UsageError(
            f"{name} does not have the name of a distribution file: {error}.",
            "Name it PROJECT-VERSION.tar.gz, or as PEP 427 says for wheels.",
        ) from error
    raise UsageError(
        f"{name} is neither a wheel nor an sdist nor an egg.",
        f"The pool takes {WHEEL}, {EGG}, {', '.join(SDISTS)}.",
    )


def check_content(path: Path, pooled: Pooled) -> None:
    """Look whether a file is what its name says; nothing in it is run.

    :raises DamagedError: it is no archive, or a wheel of something else.
    """
    try:
        if pooled.name.endswith(WHEEL):
            found = Metadata.parse(wheel_metadata(path))
            sound = normalised(found.name) == pooled.project
            sound = sound and same_version(found.version, pooled.version)
        elif pooled.name.endswith((EGG, ".zip")):
            sound = zipfile.is_zipfile(path)
        else:
            with tarfile.open(path) as archive:
                sound = bool(archive.getnames())
    except (EOFError, tarfile.TarError, zlib.error, OSError):
        sound = False
    if not sound:
        raise DamagedError(
            f"{path} is not what its name says: {pooled.project} {pooled.version}.",
            "Get the file anew from where it was published.",
        )


class Pool(Pooler):  # type: ignore[misc]  # compoze has no annotations
    """The pool of a software layout.

    :param software: where it is.
    """

    def __init__(self, software: SoftwareLayout) -> None:
        super().__init__(None, "--quiet", str(software.pool.absolute()))
        self.software = software
        self.directory = software.pool

    def path(self, file: File) -> Path:
        """Return where *file* is, or would be."""
        return self.software.pooled(file.name)

    def path_of(self, pooled: Pooled) -> Path:
        """Return where a file that the pool has is."""
        return self.software.pooled(pooled.name)

    def has(self, file: File) -> bool:
        """Tell whether a file of this name and size is in the pool."""
        try:
            return self.path(file).stat().st_size == file.size
        except FileNotFoundError:
            return False

    def checked(self, file: File) -> Path:
        """Return the pooled file, its bytes checked.

        :raises RefusedError: it is not in the pool.
        :raises DamagedError: it has other bytes than the index says.
        """
        path = self.path(file)
        if not path.is_file():
            raise RefusedError(
                f"{file.name} is not in the pool {self.directory}.",
                "Run karl-index fetch for the index that names it.",
            )
        found = files.sha256_of(path)
        if found != file.sha256:
            raise DamagedError(
                f"{path} has sha256 {found}, but the index says {file.sha256}.",
                "Somebody changed or cut off the file: remove it, then run "
                "karl-index fetch.",
            )
        return path

    def contents(self) -> list[Pooled]:
        """Return every distribution file of the pool, sorted.

        What does not have the name of one is nobody's business here.
        """
        if not self.directory.is_dir():
            return []
        found = []
        for entry in os.scandir(self.directory):
            if is_distribution(entry.name) and entry.is_file():
                with contextlib.suppress(UsageError):
                    found.append(identify(entry.name))
        return sorted(found)

    def add(self, source: Path, name: str = "", *, fetched: bool = False) -> Path:
        """Copy a distribution file into the pool and return its place there.

        :param name: its name in the pool; default: that of *source*.
        :param fetched: whether it comes from a public registry; that is noted, so
            that it can never pass for one of our own.
        :raises RefusedError: the pool has that name with other bytes.
        :raises DamagedError: it is not what its name says.
        """
        name = name or source.name
        check_content(source, identify(name))
        with locked(self.software.pool_lock, "add to the pool", _PATIENCE):
            if fetched and not (self.directory / name).exists():
                self._origins.append("fetched", name=name)
            return self._take(source, name)

    @property
    def _origins(self) -> Journal:
        return Journal(self.software.pool_origins)

    def fetched(self) -> set[str]:
        """Return the names of all files that came from a public registry."""
        return {str(entry.get("name")) for entry in self._origins.entries()}

    def _take(self, source: Path, name: str) -> Path:
        target = self.directory / name
        if target.exists():
            self._refuse_other_bytes(source, target)
        else:
            files.copy_file(source, target, POOLED)
        return target

    def _refuse_other_bytes(self, source: Path, target: Path) -> None:
        if files.sha256_of(source) != files.sha256_of(target):
            raise RefusedError(
                f"The pool already has {target.name} with other bytes.",
                "A name in the pool never changes its bytes: publish a new version, "
                "or find out which of the two files is not genuine.",
            )

    def listArchives(self) -> tuple[list[str], list[str]]:  # noqa: N802  # compoze's name
        """Return all distribution files of the folder, and those not yet pooled."""
        names = sorted(
            entry.name
            for entry in os.scandir(self.release_dir)
            if is_distribution(entry.name) and entry.is_file()
        )
        for name in names:
            identify(name)
        pending = [
            name
            for name in names
            if not os.path.islink(os.path.join(self.release_dir, name))
        ]
        return names, pending

    def take_folder(self, folder: Path) -> tuple[list[str], list[str]]:
        """Move a folder's distribution files here and link them back.

        All are checked before the first is moved; what compoze then moves is
        already here, complete and on disk, so a kill loses nothing.

        :returns: the names of all files, and of those that were moved.
        :raises RefusedError: the pool has one of the names with other bytes.
        """
        self.release_dir = str(folder.absolute())
        with locked(self.software.pool_lock, "add to the pool", _PATIENCE):
            _, pending = self.listArchives()
            for name in pending:
                check_content(folder / name, identify(name))
                if (self.directory / name).exists():
                    self._refuse_other_bytes(folder / name, self.directory / name)
            for name in pending:
                self._take(folder / name, name)
            every, moved = self.move_to_pool()
            for name in moved:
                files.swing_symlink(
                    folder / name, relative(self.directory / name, folder)
                )
        return every, moved


def relative(target: Path, folder: Path) -> str:
    """Return the text of a symlink in *folder* that leads to *target*."""
    return os.path.relpath(target.absolute(), folder.absolute())
