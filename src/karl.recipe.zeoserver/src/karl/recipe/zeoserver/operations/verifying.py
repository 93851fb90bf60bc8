"""Is what was backed up still there?  Backups listed, read back and tried out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from karl.recipe.release.base.errors import DamagedError, RefusedError
from karl.recipe.release.base.journal import Journal
from karl.recipe.zeoserver.backups import chains, materialise, verdicts, verification
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.backups.units import Unit
from karl.recipe.zeoserver.backups.verification import Result
from karl.recipe.zeoserver.layouts.copy import CopyLayout
from karl.recipe.zeoserver.operations import repository, space
from karl.recipe.zeoserver.operations.backingup import described
from karl.recipe.zeoserver.operations.storage import Storage
from karl.recipe.zeoserver.operations.words import megabytes


def listed(storage: Storage) -> dict[str, Any]:
    """Return every backup there is, oldest first, and what is known of each."""
    found = repository.load(storage)
    return {
        "repository": str(storage.places.repository.root),
        "backups": [_listed(unit) for chain in found for unit in chain.units],
        "damage": {chain.stamp: chain.damage for chain in found if chain.damage},
    }


def _listed(unit: Unit) -> dict[str, Any]:
    verdict = verdicts.read(unit)
    return {
        **described(unit),
        "verification": None
        if verdict is None
        else {
            "time": verdict.time,
            "drill": verdict.drill,
            "damage": list(verdict.damage),
        },
    }


def verify(
    storage: Storage,
    *,
    backup: str = "",
    drill: bool = False,
    all_chains: bool = False,
) -> dict[str, Any]:
    """Read backups back, and record what was found with each.

    The storage is not locked: it can be backed up, served and changed meanwhile.
    Only old backups are not removed until it has ended.

    :param backup: ``CHAIN/STAMP``: it and what it builds on; default: the newest
        chain.
    :param drill: also restore the last one to a scratch copy and load all of it.
    :param all_chains: every chain.
    :raises RefusedError: there is none, or no room for a drill.
    :raises DamagedError: something is damaged; tells what.
    """
    scratch = Path(storage.declared.scratch or storage.places.databases)
    # Once before, so that no folder is made for a lock where nothing is.
    _wanted(storage, backup, all_chains=all_chains)
    with verification.reading(storage.places.repository, scratch):
        results = []
        for chain, unit in _wanted(storage, backup, all_chains=all_chains):
            if drill:
                _check_room(chain, unit, scratch)
            results.append(
                verification.verify(
                    chain,
                    unit,
                    storage.reporter,
                    scratch=scratch if drill else None,
                )
            )
    damage = [line for result in results for line in result.damage]
    Journal(storage.places.journal).append(
        "verified",
        chains=[result.chain for result in results],
        drill=drill,
        damage=damage[:3],
    )
    if damage:
        raise _damaged(storage, damage)
    return {
        "drill": drill,
        "chains": [_told(result) for result in results],
        "text": _text(results, drill=drill),
    }


def _wanted(
    storage: Storage, backup: str, *, all_chains: bool
) -> Sequence[tuple[Chain, Unit | None]]:
    found = repository.load(storage)
    if backup:
        return [chains.find(found, backup)]
    if not found:
        raise RefusedError(
            f"{storage.name} has no backup.", f"Make one: zeoctl backup {storage.name}."
        )
    return [(chain, None) for chain in (found if all_chains else found[-1:])]


def _check_room(chain: Chain, unit: Unit | None, scratch: Path) -> None:
    if chain.units:
        last = unit or chain.newest
        target = CopyLayout(scratch)
        need = materialise.space_needed(chain, last, target)
        space.check(scratch, need, "make a scratch copy")


def _told(result: Result) -> dict[str, Any]:
    """Return what is known of a chain in which no damage was found."""
    told = dataclasses.asdict(result)
    del told["damage"]
    return {**told, "findings": told["findings"] or None}


def _damaged(storage: Storage, damage: Sequence[str]) -> DamagedError:
    more = f" ({len(damage) - 1} more findings)" if len(damage) > 1 else ""
    good = verification.good(repository.load(storage))
    advice = (
        f"Verified without damage: {', '.join(good)}."
        if good
        else "No chain is verified without damage; see zeoctl verify-backup "
        "--all-chains."
    )
    return DamagedError(
        f"A backup is damaged: {damage[0]}{more}",
        f"Make a full backup now: zeoctl backup {storage.name} --full. {advice}",
    )


def _text(results: Sequence[Result], *, drill: bool) -> str:
    parts = []
    for result in results:
        part = (
            f"chain {result.chain} is as it was written: {len(result.backups)} "
            f"backups, {megabytes(result.bytes)} and {result.blobs} blobs read in "
            f"{result.seconds:.1f} s"
        )
        if drill and result.findings:
            part += (
                f"; restored from it, {result.findings['loaded']} objects were loaded"
            )
        parts.append(part)
    warnings = [line for result in results for line in result.warnings]
    return ". ".join([*parts, *warnings]) + "."
