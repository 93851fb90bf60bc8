"""Reading a wheel that is not trusted: everything checked, every problem told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion

from karl.recipe.release.base.errors import DamagedError
from karl.recipe.release.base.files import folders_of
from karl.recipe.release.base.names import normalised
from karl.recipe.release.distributions.archive import Archive, Member
from karl.recipe.release.distributions.metadata import Metadata, same_version
from karl.recipe.release.distributions.record import Record

#: Where the parts of ``<name>-<version>.data`` belong: see :class:`Placed`.
_SCHEMES = {
    "purelib": "lib",
    "platlib": "lib",
    "scripts": "scripts",
    "data": "data",
    "headers": "headers",
}


@dataclass(frozen=True)
class Placed:
    """A member and where it belongs.

    :ivar section: ``lib`` (site-packages), ``scripts``, ``data`` (the tree's
        root) or ``headers``.
    :ivar path: relative to the section.
    """

    member: Member
    section: str
    path: str


class Wheel:
    """An open wheel whose structure has been validated.

    :ivar name: normalised.
    :ivar version: as the METADATA writes it.
    :ivar placed: every file of it, and where it belongs.
    """

    def __init__(
        self, archive: Archive, dist_info: str, metadata: Metadata, record: Record
    ) -> None:
        self.archive = archive
        self.dist_info = dist_info
        self.metadata = metadata
        self.name = normalised(metadata.name)
        self.version = metadata.version
        self.record = record
        self.placed = tuple(_place(m, dist_info) for m in archive.members)

    def contents(self) -> Iterator[tuple[Placed, bytes, str]]:
        """Yield every file, its content and its sha256, hexadecimal.

        :raises DamagedError: at the end, naming every file whose content is not
            what RECORD promises.  The caller then drops what it has written.
        """
        problems = []
        for placed in self.placed:
            try:
                data = self.archive.read(placed.member)
            except ValueError as error:
                problems.append(f"{placed.member.path} cannot be read: {error}")
                continue
            digest = hashlib.sha256(data)
            if not self.record.agrees(placed.member.path, data, digest.digest()):
                problems.append(f"{placed.member.path} is not what RECORD promises")
            yield placed, data, digest.hexdigest()
        if problems:
            raise refused(self.archive.path, problems)


@contextmanager
def opened(
    path: Path, sha256: str, project: str = "", version: str = ""
) -> Iterator[Wheel]:
    """Open and validate the wheel *path*.

    :param sha256: of its bytes, as its index names it.
    :param project: normalised name it must have; empty: that of its file name.
    :param version: that it must have; empty: that of its file name.
    :raises DamagedError: it is not the file that the index names, or it is not
        a sound wheel; every problem is told at once.
    """
    with Archive(path, sha256) as archive:
        yield _validated(archive, project, version)


def refused(path: Path, problems: list[str]) -> DamagedError:
    """Return the error that tells all *problems* of the wheel *path*."""
    return DamagedError(
        f"{path.name} is not a sound wheel: {'; '.join(problems)}.",
        "Do not use it: freeze a new version of the index with another file.",
    )


def _validated(archive: Archive, project: str, version: str) -> Wheel:
    if archive.problems:
        raise refused(archive.path, archive.problems)
    problems: list[str] = []
    dist_info = _dist_info(archive, problems)
    if not dist_info:
        raise refused(archive.path, problems)
    problems += _stray_problems(archive, dist_info)
    metadata = Metadata.parse(_text(archive, f"{dist_info}/METADATA", problems))
    problems += _identity_problems(archive.path, dist_info, metadata)
    problems += _expected_problems(metadata, project, version)
    problems += _format_problems(_text(archive, f"{dist_info}/WHEEL", problems))
    record = _record(archive, dist_info, problems)
    if problems:
        raise refused(archive.path, problems)
    wheel = Wheel(archive, dist_info, metadata, record)
    problems += _place_problems(wheel)
    if problems:
        raise refused(archive.path, problems)
    return wheel


def _record(archive: Archive, dist_info: str, problems: list[str]) -> Record:
    data = _text(archive, f"{dist_info}/RECORD", problems)
    try:
        record = Record(data.decode(), dist_info)
    except UnicodeDecodeError:
        problems.append("RECORD is not UTF-8")
        return Record("", dist_info)
    problems += record.problems
    problems += record.compare([member.path for member in archive.members])
    return record


def _dist_info(archive: Archive, problems: list[str]) -> str:
    tops = {member.path.partition("/")[0] for member in archive.members}
    found = sorted(top for top in tops if top.endswith(".dist-info"))
    if len(found) != 1:
        problems.append(f"it has {len(found)} .dist-info folders, and must have one")
        return ""
    return found[0]


def _stray_problems(archive: Archive, dist_info: str) -> Iterator[str]:
    """Tell of .data folders of another project, or of unknown kind."""
    expected = _data_folder(dist_info)
    for member in archive.members:
        top, _, rest = member.path.partition("/")
        if not top.endswith(".data") or not rest:
            continue
        scheme, _, path = rest.partition("/")
        if top != expected:
            yield f"{member.path} is in the .data folder of another distribution"
        elif scheme not in _SCHEMES or not path:
            yield f"{member.path} is of no kind that a wheel may have"
        elif scheme == "scripts" and "/" in path:
            yield f"{member.path} is a script in a folder"


def _place_problems(wheel: Wheel) -> Iterator[str]:
    """Tell of members that would be installed to one place."""
    seen: dict[str, str] = {}
    for placed in wheel.placed:
        place = f"{placed.section}/{placed.path}"
        other = seen.setdefault(place, placed.member.path)
        if other != placed.member.path:
            yield f"{other} and {placed.member.path} belong to the same place"
    for place in seen.keys() & folders_of(seen):
        yield f"{seen[place]} belongs where others need a folder"


def _text(archive: Archive, path: str, problems: list[str]) -> bytes:
    for member in archive.members:
        if member.path == path:
            try:
                return archive.read(member)
            except ValueError as error:
                problems.append(f"{path} cannot be read: {error}")
                return b""
    problems.append(f"{path} is missing")
    return b""


def _identity_problems(path: Path, dist_info: str, metadata: Metadata) -> Iterator[str]:
    try:
        file_name, file_version, _, _ = parse_wheel_filename(path.name)
    except (InvalidWheelFilename, InvalidVersion) as error:
        yield f"its file name is not a wheel's: {error}"
        return
    folder_name, _, folder_version = dist_info.removesuffix(".dist-info").partition("-")
    for what, name, version in (
        ("its .dist-info folder", folder_name, folder_version),
        ("its METADATA", metadata.name, metadata.version),
    ):
        same = same_version(version, str(file_version))
        if normalised(name) != file_name or not same:
            yield (
                f"its file name says {file_name} {file_version}, "
                f"{what} says {name} {version}"
            )


def _expected_problems(metadata: Metadata, project: str, version: str) -> Iterator[str]:
    if project and normalised(metadata.name) != project:
        yield f"it is of {metadata.name}, its index names it for {project}"
    if version and not same_version(metadata.version, version):
        yield f"it is version {metadata.version}, its index names it for {version}"


def _format_problems(data: bytes) -> Iterator[str]:
    for line in data.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() == "wheel-version":
            if value.strip().partition(".")[0] != "1":
                yield f"its format is version {value.strip()}; only 1 is known"
            return
    if data:
        yield "its WHEEL file names no Wheel-Version"


def _data_folder(dist_info: str) -> str:
    return dist_info.removesuffix(".dist-info") + ".data"


def _place(member: Member, dist_info: str) -> Placed:
    prefix = _data_folder(dist_info) + "/"
    if not member.path.startswith(prefix):
        return Placed(member, "lib", member.path)
    scheme, _, path = member.path.removeprefix(prefix).partition("/")
    return Placed(member, _SCHEMES[scheme], path)
