"""Reading backups back: every byte, and, in a drill, a database made of them.

A verification shares the lock ``.in-use`` of the repository, with which nothing
is removed; new backups can be made meanwhile, for they only ever add files.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karl.recipe.release.base import files, largefiles
from karl.recipe.release.base.errors import DamagedError
from karl.recipe.release.base.locks import sharing
from karl.recipe.release.base.reporter import Reporter, SilentReporter
from karl.recipe.zeoserver.backups import chains, materialise, units, verdicts
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.backups.sums import Sums
from karl.recipe.zeoserver.backups.units import Unit
from karl.recipe.zeoserver.backups.verdicts import Verdict
from karl.recipe.zeoserver.databases import blobs, datafs
from karl.recipe.zeoserver.layouts.copy import CopyLayout
from karl.recipe.zeoserver.layouts.repository import ChainLayout, RepositoryLayout

#: Scratch copies begin so; they are not what other commands remove.
_SCRATCH_PREFIX = ".drill-"

#: Seconds that a backup may be between its line in repozo's list and its record.
_BETWEEN = 0.5

_MB = 1 << 20

#: How many damaged files are named.
_NAMED = 50


@dataclass(frozen=True)
class Result:
    """What the verification of a chain found.

    :ivar backups: names of those that were read.
    :ivar damage: what is wrong, each a sentence; empty: nothing.
    :ivar warnings: what is not as it should be though every byte is there.
    :ivar findings: of the check of the scratch copy; empty without a drill.
    """

    chain: str
    backups: tuple[str, ...]
    damage: tuple[str, ...]
    warnings: tuple[str, ...]
    bytes: int
    blobs: int
    seconds: float
    findings: dict[str, Any]


@contextlib.contextmanager
def reading(repository: RepositoryLayout, scratch: Path) -> Iterator[None]:
    """Keep backups from being removed; remove what killed drills left.

    :param scratch: the folder of scratch copies.
    """
    with sharing(repository.in_use, lambda: remove_leftovers(scratch)):
        yield


def remove_leftovers(scratch: Path) -> None:
    """Remove the scratch copies of killed drills; no other one is under way."""
    if scratch.is_dir():
        for name in os.listdir(scratch):
            if name.startswith(_SCRATCH_PREFIX):
                files.try_to_remove(scratch / name)


def verify(
    chain: Chain,
    unit: Unit | None,
    reporter: Reporter,
    *,
    scratch: Path | None = None,
) -> Result:
    """Read a chain back up to a backup, and record what was found.

    :param unit: the last one to read; None: all of the chain.
    :param scratch: a folder for a drill, in which the backup is restored, checked
        and removed again; None: no drill.
    """
    began = time.time()
    wanted = chain.units if unit is None else chain.upto(unit)
    damage: list[str] = []
    if chain.damage and unit is None:
        damage.append(chain.damage)
    damage += _check_list(chain)
    by_unit = {each: _read(each, reporter) for each in wanted}
    for found in by_unit.values():
        damage += found
    findings: dict[str, Any] = {}
    warnings = [
        f"{each.missing_blobs} blobs were not there when {each.name} was made, such "
        f"as {each.missing[0]}"
        for each in wanted
        if each.missing_blobs
    ]
    if scratch is not None and wanted and not damage:
        try:
            findings = _drill(chain, wanted[-1], scratch, reporter)
        except DamagedError as error:
            by_unit[wanted[-1]].append(error.message)
            damage.append(error.message)
        if findings.get("dangling"):
            warnings.append(f"{findings['dangling']} objects are referred to and gone")
    try:
        _record(by_unit, findings, drill=scratch is not None)
    except OSError as error:
        warnings.append(f"what was found could not be recorded: {error}")
    return Result(
        chain=chain.stamp,
        backups=tuple(each.name for each in wanted),
        damage=tuple(damage[:_NAMED]),
        warnings=tuple(warnings),
        bytes=sum(each.size for each in wanted),
        blobs=sum(each.blobs for each in wanted),
        seconds=round(time.time() - began, 3),
        findings=findings,
    )


def _check_list(chain: Chain) -> list[str]:
    """Compare repozo's list with the backups that there are, at this moment."""
    for pause in (_BETWEEN, 0.0):
        now = chains.read(ChainLayout(chain.places.root))
        try:
            text = chain.places.dat.read_text("ascii", errors="replace")
        except FileNotFoundError:
            text = ""
        if now is None or now.damage or text == units.dat(now.units):
            return []
        time.sleep(pause)
    wrong = f"{chain.places.dat} does not list the backups that there are; "
    return [f"{wrong}the next backup writes it anew."]


def _read(unit: Unit, reporter: Reporter) -> list[str]:
    """Read a backup's data and blobs; return what is wrong with them."""
    damage = []
    sums = Sums(reporter.task(f"Data of {unit.name}", max(1, unit.size // _MB), "MB"))
    try:
        largefiles.read(unit.data, sums.feed)
        if (sums.size, sums.md5, sums.sha256) != (unit.size, unit.md5, unit.sha256):
            damage.append(f"{unit.data} is not what was written.")
        elif datafs.last_tid(unit.data) != unit.tid:
            damage.append(f"{unit.places.record} does not say how its data ends.")
    except (OSError, DamagedError) as error:
        damage.append(f"{unit.data} cannot be read: {error}.")
    sums.task.done()
    try:
        expected = units.read_manifest(unit)
    except (OSError, DamagedError) as error:
        return [*damage, str(error)]
    folder = ChainLayout(unit.places.chain).blobs
    task = reporter.task(f"Blobs of {unit.name}", max(1, len(expected)), "blobs")
    for blob in expected:
        wrong = _wrong_blob(folder, blob)
        if wrong:
            damage.append(wrong)
        task.advance()
    task.done()
    return damage


def _wrong_blob(folder: Path, blob: blobs.BlobFile) -> str:
    try:
        if blobs.sum_of(folder, blob.path) == blob:
            return ""
    except FileNotFoundError:
        return f"{folder / blob.path} is missing."
    except (OSError, DamagedError) as error:
        return f"{folder / blob.path} cannot be read: {error}"
    return f"{folder / blob.path} is not what was written."


def _drill(
    chain: Chain, unit: Unit, scratch: Path, reporter: Reporter
) -> dict[str, Any]:
    """Restore a backup to a scratch copy, load all of it, and remove the copy.

    :raises DamagedError: it cannot be restored.
    """
    files.make_directory(scratch)
    root = scratch / f"{_SCRATCH_PREFIX}{unit.stamp}-{os.getpid()}"
    copy = CopyLayout(root)
    files.make_directory(root)
    try:
        os.chmod(root, 0o700)
        materialise.materialise(chain, unit, copy, SilentReporter(), check=False)
        found = materialise.check_copy(
            chain.upto(unit), copy, unit.until, reporter, load_all=True
        )
        return dataclasses.asdict(found)
    finally:
        files.try_to_remove(root)


def _record(
    by_unit: dict[Unit, list[str]], findings: dict[str, Any], *, drill: bool
) -> None:
    """Record with each backup what was found of it."""
    now = time.time()
    last = list(by_unit)[-1] if by_unit else None
    for unit, damage in by_unit.items():
        mine = drill and unit is last
        verdict = Verdict(now, mine, tuple(damage[:_NAMED]), findings if mine else {})
        verdicts.save(unit, verdict)


def good(found: Sequence[Chain]) -> list[str]:
    """Return the chains whose last verification found nothing wrong."""
    return [
        chain.stamp
        for chain in found
        if chain.units and not chain.damage and _is_good(chain)
    ]


def _is_good(chain: Chain) -> bool:
    known = [verdicts.read(unit) for unit in chain.units]
    return known[0] is not None and not any(each and each.damage for each in known)
