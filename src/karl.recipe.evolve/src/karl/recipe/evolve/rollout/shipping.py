"""Bringing an index, and the files that no registry has, to the site's machine.

What is there already stays; what arrives is compared with its sha256 before any of it
gets its place, and once more by karl-index there.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from karl.recipe.evolve.rollout.places import Arriving
from karl.recipe.evolve.rollout.step import Facts, Work
from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError, RefusedError
from karl.recipe.release.base.names import IndexName

#: How long a command line on the other machine may be, in file names.
_AT_ONCE = 100


@dataclass(frozen=True)
class Missing:
    """What the other machine lacks.

    :ivar indexes: those that the site's index extends come first.
    :ivar files: sha256 by name.
    """

    indexes: tuple[IndexName, ...]
    files: Mapping[str, str]


def is_shipped(work: Work) -> str:
    """Tell whether the other machine has everything."""
    found = work.seen["missing"] = _missing(work)
    if found.indexes or found.files:
        return ""
    return f"{work.declared.host} has it all"


def ship(work: Work) -> Facts:
    """Send what the other machine lacks, and give it its place there."""
    programs, there = work.programs, work.declared.there
    found: Missing = work.seen["missing"]
    folder = there.arriving(work.index)
    arriving = Arriving(folder)
    archive = work.folder() / "shipped.tar"
    _pack(work, found, archive)
    programs.must("rm", "-rf", folder)
    programs.must("mkdir", "-p", folder)
    programs.must("tar", "-x", "-f", "-", "-C", folder, stdin=archive)
    _check_sums(work, arriving)
    names = list(found.files)
    if names:
        programs.karl_index_there("add", *(arriving.file(name) for name in names))
    for name in found.indexes:
        place = there.index(name)
        programs.must("mkdir", "-p", place.parent)
        programs.must("sync", "-f", folder)
        programs.must("mv", "-T", arriving.index(name), place)
        programs.karl_index_there("fetch", str(name), *work.declared.registry_options)
    programs.must("rm", "-rf", folder)
    told = programs.karl_index_there("verify", str(work.index))
    if not told["intact"]:
        raise DamagedError(
            f"On {work.declared.host}, {work.index} is not as its lock file says.",
            f"See karl-index verify {work.index} there.",
        )
    return {"shipped": [*map(str, found.indexes), *names]}


def _check_sums(work: Work, arriving: Arriving) -> None:
    """Compare what has arrived with what was sent.

    :raises DamagedError: it is something else.
    """
    ended = work.programs.there(
        "env", "-C", arriving.root, "sha256sum", "--check", "--strict", "--quiet",
        arriving.sums.name,
    )  # fmt: skip
    if ended.status != 0:
        told = ", ".join(ended.text.split("\n")).strip(", ")
        raise DamagedError(
            f"What has arrived at {work.declared.host} is not what was sent: {told}.",
            f"Run it again; if it happens again, see {work.places.log}.",
        )


def _missing(work: Work) -> Missing:
    """Ask what the other machine has, and return the rest.

    :raises RefusedError: it has an index of the same name and other content.
    """
    programs = work.programs
    shown = programs.karl_index("show", str(work.index))
    listed = programs.karl_index("list")["indexes"]
    ours = {each["index"]: each["sha256"] for each in listed}
    there = programs.karl_index_there("list")["indexes"]
    theirs = {each["index"]: each["sha256"] for each in there}
    chain = list(reversed(shown["chain"]))
    for name in chain:
        if theirs.get(name, ours[name]) != ours[name]:
            raise RefusedError(
                f"{work.declared.host} has another {name} than this machine.",
                "A frozen index never changes: find out which of the two is right.",
            )
    private = {
        file: sha256
        for package in shown["contents"]
        if package["private"]
        for file, sha256 in package["files"].items()
    }
    pooled = _pooled(work, sorted(private))
    return Missing(
        tuple(IndexName.parse(name) for name in chain if name not in theirs),
        {name: private[name] for name in sorted(private) if name not in pooled},
    )


def _pooled(work: Work, names: list[str]) -> set[str]:
    """Return which files the pool of the other machine has; karl-index checks them."""
    pool = work.declared.there.pool
    found: set[str] = set()
    for start in range(0, len(names), _AT_ONCE):
        paths = [pool / name for name in names[start : start + _AT_ONCE]]
        # Its exit status tells only that some are missing.
        told = work.programs.there("sha256sum", "--", *paths).text
        found |= {line.rpartition("/")[2] for line in told.splitlines()}
    return found


def _pack(work: Work, missing: Missing, archive: Path) -> None:
    """Write what is sent: files, lock files, and the sha256 of each."""
    here, inside = work.declared.here, Arriving(work.declared.there.root)
    found: dict[str, Path] = {}
    sums: dict[str, str] = {}
    for name, sha256 in missing.files.items():
        place = str(inside.file(name).relative_to(inside.root))
        found[place], sums[place] = Path(here.pooled(name)), sha256
    for index in missing.indexes:
        lock = Path(here.index(index) / inside.lock_file(index).name)
        place = str(inside.lock_file(index).relative_to(inside.root))
        found[place], sums[place] = lock, files.sha256_of(lock)
    text = "".join(f"{sha256}  {place}\n" for place, sha256 in sums.items())
    with tarfile.open(archive, "w") as stream:
        info = tarfile.TarInfo(inside.sums.name)
        content = text.encode()
        info.size = len(content)
        stream.addfile(info, io.BytesIO(content))
        for place, path in found.items():
            stream.add(path, place, recursive=False)
