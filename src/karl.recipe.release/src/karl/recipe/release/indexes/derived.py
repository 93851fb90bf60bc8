"""What an index directory holds beside its lock file, all derived from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base import files
from karl.recipe.release.base.layout import IndexLayout, SoftwareLayout
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.names import IndexName
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.release.building.builtwheels import provenance_of
from karl.recipe.release.distributions.lockfile import Index, Lock
from karl.recipe.release.distributions.packages import File
from karl.recipe.release.distributions.pep658 import wheel_metadata
from karl.recipe.release.distributions.pool import Pool
from karl.recipe.release.indexes import fetch
from karl.recipe.release.indexes.pages import FROZEN, Pages

_PATIENCE = 600.0


def versions_cfg(lock: Lock) -> str:
    """Return the pins as a ``[versions]`` section of zc.buildout."""
    pins = "".join(f"{package.name} = {package.version}\n" for package in lock.packages)
    return f"# Index {lock.name}; derived from pylock.toml.\n[versions]\n{pins}"


def requirements_txt(lock: Lock) -> str:
    """Return pins and hashes as pip's ``--require-hashes`` wants them.

    What only builds need is left out, as pip takes build requirements from the
    index itself.
    """
    lines = []
    for package in lock.packages:
        if package.build_only:
            continue
        marker = f" ; {package.marker}" if package.marker else ""
        hashes = "".join(
            f" \\\n    --hash=sha256:{file.sha256}" for file in sorted(package.files)
        )
        lines.append(f"{package.name}=={package.version}{marker}{hashes}\n")
    return "".join(lines)


def write_derived(place: IndexLayout, lock: Lock, pool: Pool) -> None:
    """Write ``versions.cfg`` and a new ``simple/``, whole or not at all."""
    if not _has(place.versions_file, versions_cfg(lock)):
        files.write(place.versions_file, versions_cfg(lock), FROZEN)
    with files.new_tree(place.simple) as partial:
        Pages(lock, pool).make_index(partial)


def materialise(software: SoftwareLayout, index: Index) -> bool:
    """Write what an index that came as a lock file only still lacks.

    What is there already is mended file by file, so that a client that reads
    the index meanwhile finds every file; what does not belong there stays, for
    :func:`verify` to tell.

    :returns: whether anything was written.
    """
    pool = Pool(software)
    if index.layout.simple.exists() and not Derived.of(index, pool).mendable():
        return False
    with locked(software.indexes_lock, f"complete index {index.lock.name}", _PATIENCE):
        files.remove_partial(index.layout.root)
        if not index.layout.simple.exists():
            write_derived(index.layout, index.lock, pool)
            return True
        derived = Derived.of(index, pool)
        problems = derived.mendable()
        for problem in problems:
            derived.mend(index.layout.root / problem.path, pool)
        return bool(problems)


def all_indexes(software: SoftwareLayout) -> list[Index]:
    """Return every index there is, sorted by name and version text."""
    found = sorted(software.indexes.glob("*/*/pylock.toml"))
    return [
        Index.load(software, IndexName(path.parent.parent.name, path.parent.name))
        for path in found
        if not files.is_partial(path.parent)
    ]


def private_anywhere(software: SoftwareLayout) -> tuple[str, ...]:
    """Return the patterns of names that any index here declares as ours.

    One index that forgets to declare them must not let a stranger's package into
    the pool that all share.
    """
    patterns = {text for index in all_indexes(software) for text in index.lock.private}
    return tuple(sorted(patterns))


@dataclass(frozen=True, order=True)
class Problem:
    """Something in an index or its files that is not as the lock file says.

    :ivar kind: ``missing``, ``altered``, ``extra`` or ``unlisted``.
    :ivar path: the file: its name in the pool, or its path below the index's folder.
    """

    kind: str
    path: str
    detail: str = ""


def verify(
    software: SoftwareLayout, index: Index, reporter: Reporter, *, all_targets: bool
) -> list[Problem]:
    """Compare an index, to the last byte, with its lock file.

    *missing*: a file that it names is not in the pool.  *altered*: a file has
    other bytes.  *extra*: the index holds what its lock file does not name.
    *unlisted*: a page or link that must be there is not.
    """
    pool = Pool(software)
    wanted = fetch.needed_here(index.lock, all_targets=all_targets)
    present = {file for package in index.lock.packages for file in package.files}
    task = reporter.task(f"Verifying {index.lock.name}", len(present), "files")
    problems = Derived.of(index, pool).problems()
    for file in sorted(present):
        problems += _problems_of_file(pool, file, needed=file in wanted)
        task.advance()
    task.done()
    return sorted(problems)


def verify_built(software: SoftwareLayout) -> list[Problem]:
    """Compare every wheel that was built here with its provenance."""
    problems = []
    for folder in sorted(software.built.glob("[!.]*")):
        _, digest = provenance_of(folder)
        found = [files.sha256_of(wheel) for wheel in folder.glob("*.whl")]
        if found != [digest]:
            detail = "is not what its provenance says; remove the folder"
            problems.append(Problem("altered", f"built/{folder.name}", detail))
    return problems


def _problems_of_file(pool: Pool, file: File, *, needed: bool) -> list[Problem]:
    path = pool.path(file)
    if not path.is_file():
        return [Problem("missing", file.name, "not in the pool")] if needed else []
    if files.sha256_of(path) != file.sha256:
        return [Problem("altered", file.name, "has another sha256")]
    return []


@dataclass(frozen=True)
class Derived:
    """All that an index directory must hold, by path.

    :ivar texts: content of the pages and of ``versions.cfg``.
    :ivar links: target of each symlink to a pooled file.
    :ivar metadata: the wheel whose METADATA a file repeats.
    """

    index: Index
    texts: dict[Path, bytes]
    links: dict[Path, str]
    metadata: dict[Path, File]

    @classmethod
    def of(cls, index: Index, pool: Pool) -> Derived:
        """Compute it from the lock file, and from which wheels are pooled."""
        place = index.layout
        texts = {place.versions_file: versions_cfg(index.lock).encode()}
        links: dict[Path, str] = {}
        metadata: dict[Path, File] = {}
        pages = Pages(index.lock, pool)
        for name, text in pages.pages():
            texts[place.simple / name] = text.encode()
        for package in index.lock.packages:
            folder = place.project(package.name)
            for name, target in pages.links(package, folder).items():
                links[folder / name] = target
            for wheel in package.wheels:
                if pool.has(wheel):
                    metadata[folder / wheel.metadata_name] = wheel
        return cls(index, texts, links, metadata)

    def problems(self) -> list[Problem]:
        """Return what is missing, altered or extra."""
        place = self.index.layout
        if not place.simple.exists():
            detail = "karl-index fetch writes it"
            return [Problem("unlisted", place.simple.name, detail)]
        expected = {place.lock_file, *self.texts, *self.links, *self.metadata}
        possible = expected | {
            place.project(package.name) / wheel.metadata_name
            for package in self.index.lock.packages
            for wheel in package.wheels
        }
        found = {
            path
            for path in place.root.rglob("*")
            if path.is_symlink() or not path.is_dir()
        }
        problems = [self._problem("extra", path) for path in found - possible]
        for path in expected:
            if not (path.is_symlink() if path in self.links else path.is_file()):
                problems.append(self._problem("unlisted", path))
            elif not self._same(path):
                problems.append(self._problem("altered", path))
        return sorted(problems)

    def mendable(self) -> list[Problem]:
        """Return the problems that writing what must be there mends."""
        return [problem for problem in self.problems() if problem.kind != "extra"]

    def mend(self, path: Path, pool: Pool) -> None:
        """Write one file or link as it must be."""
        if path in self.links:
            files.swing_symlink(path, self.links[path])
        elif path in self.texts:
            files.write(path, self.texts[path], FROZEN)
        else:
            wheel = pool.checked(self.metadata[path])
            files.write(path, wheel_metadata(wheel), FROZEN)

    def _same(self, path: Path) -> bool:
        if path in self.links:
            return str(path.readlink()) == self.links[path]
        if path in self.texts:
            return path.read_bytes() == self.texts[path]
        if path in self.metadata:
            return files.sha256_of(path) == self.metadata[path].metadata_sha256
        return True

    def _problem(self, kind: str, path: Path) -> Problem:
        return Problem(kind, str(path.relative_to(self.index.layout.root)))


def _has(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text
