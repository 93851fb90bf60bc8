"""Taking the database of a site that is moved here: copied, checked, then known."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from karl.recipe.release.base import files, largefiles
from karl.recipe.release.base.errors import DamagedError, RefusedError, UsageError
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.zeoserver.backups import moments
from karl.recipe.zeoserver.databases import blobs, datafs, opened, tids
from karl.recipe.zeoserver.databases.blobs import BlobName
from karl.recipe.zeoserver.databases.records import MAGIC
from karl.recipe.zeoserver.databases.state import CopyState, StorageState
from karl.recipe.zeoserver.layouts.copy import CopyLayout, ForeignLayout
from karl.recipe.zeoserver.operations import placing, repository, rules, space
from karl.recipe.zeoserver.operations.plans import Plan
from karl.recipe.zeoserver.operations.staging import told
from karl.recipe.zeoserver.operations.storage import Change, Storage, changing
from karl.recipe.zeoserver.operations.words import megabytes

#: How a Data.fs begins that Python 2 wrote.
_MAGIC_OF_PYTHON_2 = b"FS21"


@dataclasses.dataclass(frozen=True)
class Wish:
    """What is to be imported, and how.

    :ivar link_blobs: hard links to the blob files instead of copies.
    :ivar allow_missing_blobs: also a database whose blobs are not all there.
    :ivar cut_torn_end: also one that ends with what is no whole transaction, which
        is left out.
    :ivar new_copy: also if the storage has a live copy, which stays so.
    """

    source: ForeignLayout
    link_blobs: bool = False
    allow_missing_blobs: bool = False
    cut_torn_end: bool = False
    new_copy: bool = False


@dataclasses.dataclass(frozen=True)
class Seen:
    """The source before it is copied.

    :ivar size: bytes of Data.fs.
    :ivar changed: when it last changed, nanoseconds.
    :ivar blob_count: files of blobs.
    :ivar blob_size: bytes in them.
    """

    size: int
    changed: int
    blob_count: int
    blob_size: int


def plan(name: str, state: StorageState, number: int, wish: Wish, seen: Seen) -> Plan:
    """Decide how a database comes to a storage.

    :raises RefusedError: the storage has a live one, and that was not said.
    """
    rules.check_storage("import", name, state, live_is_fine=wish.new_copy)
    way = "link" if wish.link_blobs else "copy"
    steps = [f"copy {wish.source.data} ({megabytes(seen.size)}) to copy {number}"]
    if wish.source.blobs:
        steps.append(f"{way} {seen.blob_count} blobs ({megabytes(seen.blob_size)})")
    steps += ["check every record and blob of it", *placing.entering(state, number)]
    facts = {"number": number, "source_data": str(wish.source.data)}
    return Plan(tuple(steps), facts)


def import_(
    storage: Storage, wish: Wish, *, dry_run: bool = False, wait: float = 0.0
) -> dict[str, Any]:
    """Copy a database that nobody uses, check it, and take it in.

    The source is never changed.  The copy becomes live if nothing is.

    :raises UsageError: there is no such database.
    :raises RefusedError: it is in use, or there is no room.
    :raises PrerequisiteError: the disk of the storage's backups is not there.
    :raises DamagedError: it is not whole.
    """
    name = storage.name
    with contextlib.ExitStack() as stack:
        for place in _names(wish.source):
            stack.enter_context(opened.closed(place))
        seen = look(wish)
        if dry_run:
            return _planned(storage, wish, seen).rehearsed()
        with changing(
            storage, "import", f"import a database for {name}", wait
        ) as change:
            decided = _planned(storage, wish, seen)
            copy = _apply(change, decided.facts["number"], wish, seen)
            served = placing.serve_if_live(storage, copy)
    return decided.done(**{**told(storage, copy), **served})


def _names(source: ForeignLayout) -> Iterator[ForeignLayout]:
    """Yield the names of a database: a server locks the one that it was given."""
    yield source
    if source.data.is_symlink():
        yield ForeignLayout(source.data.resolve())


def look(wish: Wish) -> Seen:
    """Look at the source.

    :raises UsageError: there is no such database.
    :raises RefusedError: Python 2 wrote it.
    """
    data, folder = wish.source.data, wish.source.blobs
    if not data.is_file():
        raise UsageError(f"{data} is not a file.", "Name the Data.fs with --data.")
    with data.open("rb") as stream:
        magic = stream.read(len(MAGIC))
    if magic == _MAGIC_OF_PYTHON_2:
        raise RefusedError(
            f"{data} was written by Python 2; nothing here can read it.",
            "Convert it first, with zodbupdate --convert-py3.",
        )
    if magic != MAGIC:
        raise UsageError(f"{data} is no Data.fs.", "Name the Data.fs with --data.")
    if folder is not None and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.", "Name it with --blobs.")
    found = data.stat()
    sizes = [size for _, size in _blob_files(folder)]
    return Seen(found.st_size, found.st_mtime_ns, len(sizes), sum(sizes))


def _blob_files(folder: Path | None) -> Iterator[tuple[str, int]]:
    """Yield the paths of the source's blob files, and their sizes."""
    if folder is not None:
        for path in blobs.listing(folder, tids.END):
            yield path, blobs.status_of(folder, path).st_size


def _planned(storage: Storage, wish: Wish, seen: Seen) -> Plan:
    state = storage.state()
    found = repository.load(storage)
    number = placing.next_number(storage, state, found)
    decided = plan(storage.name, state, number, wish, seen)
    need = seen.size + (0 if wish.link_blobs else seen.blob_size)
    space.check(storage.places.databases, need, "import a database")
    return decided


def _apply(change: Change, number: int, wish: Wish, seen: Seen) -> CopyState:
    fresh = placing.new_copy(number, "import")
    reporter = change.storage.reporter

    def fill(layout: CopyLayout) -> CopyState:
        data = wish.source.data.resolve()
        if not largefiles.clone(data, layout.data):
            _copy_data(data, layout.data, reporter)
        blobs.prepare(layout.blobs, blobs.BUSHY)
        if wish.source.blobs is not None:
            _take_blobs(wish, wish.source.blobs, layout.blobs, reporter)
        _check_unchanged(wish.source.data, seen)
        _check_end(layout, wish)
        found = datafs.check(layout, reporter, load_all=True)
        _check_blobs(found, wish)
        return dataclasses.replace(fresh, position=found.position, tid=found.tid)

    return placing.place(change, fresh, fill)


def _copy_data(source: Path, target: Path, reporter: Reporter) -> None:
    task = reporter.task("copying Data.fs", source.stat().st_size, "bytes")
    largefiles.copy_range(
        source,
        target,
        0,
        source.stat().st_size,
        lambda piece: task.advance(len(piece)),
    )
    task.done()


def _take_blobs(wish: Wish, source: Path, target: Path, reporter: Reporter) -> None:
    """Bring all blobs to the one layout that copies here have."""
    task = reporter.task("taking blobs", None, "files")
    for path, _ in _blob_files(source):
        place = target / blobs.path_of(name_of(path), blobs.BUSHY)
        files.make_directory(place.parent)
        if not (wish.link_blobs and largefiles.link(source / path, place)):
            largefiles.copy(source / path, place)
        task.advance()
    task.done()


def name_of(path: str) -> BlobName:
    """Return which blob a file of either layout is."""
    *folders, _ = path.split("/")
    oid = "".join(folder.removeprefix("0x") for folder in folders).rjust(16, "0")
    return BlobName(bytes.fromhex(oid), bytes.fromhex(blobs.tid_of(path)))


def _check_unchanged(data: Path, seen: Seen) -> None:
    found = data.stat()
    if (found.st_size, found.st_mtime_ns) != (seen.size, seen.changed):
        raise RefusedError(
            f"{data} changed while it was copied: something writes to it.",
            "Stop the server that uses it, then import it again.",
        )


def _check_end(layout: CopyLayout, wish: Wish) -> None:
    """Refuse a file that was copied incompletely: nobody crashed while it was.

    :raises DamagedError: it has no transaction, or does not end with one.
    """
    end = datafs.end_of(layout.data)
    if not int(end.tid, 16):
        raise DamagedError(
            f"{wish.source.data} has no transaction: it is no site's database.",
            "Was it copied as a whole? For an empty database: zeoctl init.",
        )
    torn = layout.data.stat().st_size - end.position
    if not torn:
        return
    if not wish.cut_torn_end:
        when = moments.local(tids.time_of(end.tid))
        raise DamagedError(
            f"The last {torn} bytes of {wish.source.data} are no whole transaction; "
            f"the last one before them is of {when}.",
            "Was it copied as a whole? Compare its size with the original's. If this "
            "is the original, and its server was killed: --cut-torn-end leaves them "
            "out.",
        )
    largefiles.cut(layout.data, end.position)


def _check_blobs(found: datafs.Findings, wish: Wish) -> None:
    if not found.missing_blobs or wish.allow_missing_blobs:
        return
    first = ", ".join(found.missing[:3])
    tip = (
        "Name the blob directory with --blobs"
        if not wish.source.blobs
        else ("Find them in a backup of the site")
    )
    raise DamagedError(
        f"{found.missing_blobs} blobs of {wish.source.data} are missing, such as "
        f"{first}.",
        f"{tip}; or leave them out: --allow-missing-blobs.",
    )
