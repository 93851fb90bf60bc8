"""A database copy from a backup: whole in a new place, or caught up with one more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from karl.recipe.release.base import largefiles
from karl.recipe.release.base.errors import DamagedError, RefusedError
from karl.recipe.release.base.reporter import Reporter, SilentReporter
from karl.recipe.zeoserver.backups import units
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.backups.sums import Sums
from karl.recipe.zeoserver.backups.units import Unit
from karl.recipe.zeoserver.databases import blobs, datafs
from karl.recipe.zeoserver.databases.datafs import End, Findings
from karl.recipe.zeoserver.layouts.copy import CopyLayout
from karl.recipe.zeoserver.layouts.repository import ChainLayout

_MB = 1 << 20

_ELSEWHERE = (
    "Restore another backup: zeoctl backups lists them, zeoctl verify-backup tells "
    "which are whole."
)


def space_needed(
    chain: Chain, unit: Unit, target: CopyLayout, *, link: bool = True
) -> int:
    """Return the bytes that a copy of a backup takes on the target's file system.

    Blobs that can be linked take none.

    :param link: whether they may be.
    """
    folder = target.root
    while not folder.exists():
        folder = folder.parent
    needed = unit.end
    if not link or folder.stat().st_dev != chain.places.root.stat().st_dev:
        needed += sum(each.blob_bytes for each in chain.upto(unit))
    return needed


def materialise(
    chain: Chain,
    unit: Unit,
    target: CopyLayout,
    reporter: Reporter,
    *,
    until: str | None = None,
    check: bool = True,
    link: bool = True,
) -> End:
    """Make a database copy from a backup; every byte is checked.

    :param target: its folder is there, and empty.
    :param until: the last transaction to have; see :func:`.picking.pick`.
    :param check: also read every record of it; otherwise the caller does.
    :param link: whether files of blobs may be the backup's own; otherwise nothing
        that is done to the copy's files can touch the backup.
    :raises DamagedError: the backup is damaged.
    """
    wanted = chain.upto(unit)
    _restore_data(wanted, target.data, reporter)
    end = unit.until
    if until is not None:
        end = _cut(target.data, unit, until)
    _restore_blobs(wanted, target.blobs, until, reporter, link=link)
    if check:
        check_copy(wanted, target, end, reporter)
    return end


def check_copy(
    wanted: Sequence[Unit],
    target: CopyLayout,
    end: End,
    reporter: Reporter,
    *,
    load_all: bool = False,
) -> Findings:
    """Read every record of a copy that was made from a backup.

    :param wanted: the units it was made from.
    :param end: where it has to end.
    :raises DamagedError: it is not what was backed up.
    """
    found = datafs.check(target, reporter, load_all=load_all)
    name = wanted[-1].name
    if End(found.position, found.tid) != end:
        raise DamagedError(
            f"What backup {name} gave ends with transaction {found.tid}, not "
            f"{end.tid}.",
            _ELSEWHERE,
        )
    if found.missing_blobs and not any(unit.missing_blobs for unit in wanted):
        raise DamagedError(
            f"Backup {name} lacks {found.missing_blobs} blobs, such as "
            f"{found.missing[0]}.",
            _ELSEWHERE,
        )
    for label, count in (
        ("blobs have no file", found.missing_blobs),
        ("objects are referred to and not there", found.dangling),
    ):
        if count:
            reporter.warn(f"{count} {label} in backup {name}.")
    return found


def _restore_data(wanted: Sequence[Unit], target: Path, reporter: Reporter) -> None:
    full, *increments = wanted
    sums = Sums(reporter.task("Data", max(1, wanted[-1].end // _MB), "MB"))
    if largefiles.clone(full.data, target):
        largefiles.read(target, sums.feed)
    else:
        largefiles.copy_range(full.data, target, 0, full.data.stat().st_size, sums.feed)
    _compare(full, sums)
    for unit in increments:
        sums = Sums(sums.task)
        largefiles.append(unit.data, target, 0, sums.feed)
        _compare(unit, sums)
    sums.task.done()


def _compare(unit: Unit, sums: Sums) -> None:
    if (sums.size, sums.md5, sums.sha256) != (unit.size, unit.md5, unit.sha256):
        raise DamagedError(
            f"{unit.data} is damaged: it is not what was written.", _ELSEWHERE
        )


def _cut(data: Path, unit: Unit, until: str) -> End:
    """Have Data.fs end with the last transaction up to *until*."""
    # What is before the unit is before the time too, unless it is the full one.
    last = datafs.end_at(data, unit.start) if unit.start else None
    for transaction in datafs.transactions(data, unit.start, unit.end):
        if transaction.tid > until:
            break
        last = End(transaction.end, transaction.tid)
    if last is None:
        raise RefusedError(
            f"Backup {unit.name} has nothing as old as transaction {until}.",
            "Name a later time.",
        )
    largefiles.cut(data, last.position)
    return last


def _restore_blobs(
    wanted: Sequence[Unit],
    target: Path,
    until: str | None,
    reporter: Reporter,
    *,
    link: bool,
) -> None:
    source = ChainLayout(wanted[0].places.chain).blobs
    blobs.prepare(target, blobs.layout_of(source))
    count = sum(unit.blobs for unit in wanted)
    task = reporter.task("Blobs", max(1, count), "blobs")
    for unit in wanted:
        for blob in units.read_manifest(unit):
            if until is None or blobs.tid_of(blob.path) <= until:
                take_blob(source, target, blob, link=link)
            task.advance()
    task.done()


def take_blob(
    source: Path, target: Path, blob: blobs.BlobFile, *, link: bool = True
) -> None:
    """Have a blob of a backup in a blob directory, and check what it holds.

    :raises DamagedError: it is not what was backed up, or missing.
    """
    try:
        found = blobs.take(source, target, blob.path, link=link)
    except FileNotFoundError:
        raise DamagedError(
            f"The blob {source / blob.path} is missing.", _ELSEWHERE
        ) from None
    if found != blob:
        raise DamagedError(
            f"The blob {source / blob.path} is damaged: it is not what was written.",
            _ELSEWHERE,
        )


def append(unit: Unit, target: CopyLayout, at: End) -> End:
    """Add one increment to a copy that ends where it begins.

    What an append that was killed left is recognised and replaced.  The time
    it takes depends on the increment only.

    :param at: where the copy ends.
    :raises RefusedError: the copy does not end there, or was written to since.
    :raises DamagedError: the increment is damaged; the copy is as before.
    """
    if unit.full or at.position != unit.start:
        raise RefusedError(
            f"Backup {unit.name} begins at byte {unit.start} of Data.fs, and the copy "
            f"ends at {at.position}.",
            "Stage a new copy.",
        )
    _drop_unfinished(unit, target.data, at)
    # Blobs first: a transaction is never there without them.
    source = ChainLayout(unit.places.chain).blobs
    added = units.read_manifest(unit)
    for blob in added:
        take_blob(source, target.blobs, blob)
    largefiles.sync([target.blobs / blob.path for blob in added], target.blobs)
    sums = Sums(SilentReporter().task(""))
    largefiles.append(unit.data, target.data, 0, sums.feed)
    try:
        _compare(unit, sums)
        _check_end(unit, target.data)
    except DamagedError:
        largefiles.cut(target.data, at.position)
        raise
    return unit.until


def _check_end(unit: Unit, data: Path) -> None:
    end = datafs.end_at(data, unit.end)
    if end != unit.until:
        raise DamagedError(
            f"Backup {unit.name} ends with transaction {end.tid}, not {unit.tid}.",
            _ELSEWHERE,
        )


def _drop_unfinished(unit: Unit, data: Path, at: End) -> None:
    """Cut off what a killed append of the same increment left.

    :raises RefusedError: there is something else, or less than there should be.
    """
    size = data.stat().st_size
    if size < at.position or datafs.end_at(data, at.position) != at:
        raise RefusedError(
            f"{data} does not end with transaction {at.tid} any more.",
            "Stage a new copy.",
        )
    extra = size - at.position
    if not extra:
        return
    if not continues(unit, data, at.position):
        raise RefusedError(
            f"{data} was written to since it was made: {extra} bytes follow "
            f"transaction {at.tid}.",
            "Stage a new copy.",
        )
    largefiles.cut(data, at.position)


def continues(unit: Unit, data: Path, position: int) -> bool:
    """Tell whether Data.fs goes on from *position* with the beginning of a backup."""
    with unit.data.open("rb") as expected, data.open("rb") as stream:
        stream.seek(position)
        while piece := stream.read(_MB):
            if expected.read(len(piece)) != piece:
                return False
    return True
