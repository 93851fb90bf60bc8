"""What is known of a storage's newest backup, and what is wrong with it."""

from __future__ import annotations

from typing import Any

from karl.recipe.zeoserver.backups import verdicts
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.operations import repository
from karl.recipe.zeoserver.operations.storage import Storage


def newest(storage: Storage) -> dict[str, Any] | None:
    """Return what programs may know of the newest backup; None: there is none.

    It is as good as what it builds on.
    """
    chain = _newest_chain(storage)
    if chain is None or not chain.units:
        return None
    unit, verdict = chain.newest, verdicts.read(chain.newest)
    whole = not (chain.damage or verdicts.damaged(chain.units))
    return {
        "backup": unit.name,
        "copy": unit.copy,
        "kind": "full" if unit.full else "incremental",
        "made": unit.made,
        "tid": unit.tid,
        "damaged": not whole,
        "verified": verdict.time if verdict is not None and whole else None,
        "missing_blobs": sum(each.missing_blobs for each in chain.units),
    }


def problems(storage: Storage) -> list[str]:
    """Return what is wrong with the newest backup, each with what to do next."""
    name, chain = storage.name, _newest_chain(storage)
    if chain is None:
        return [missing(name)]
    found = []
    wrong = verdicts.damaged(chain.units)
    if chain.damage or wrong is not None:
        where = wrong.name if wrong is not None else ""
        found.append(
            f"The last backup is damaged: make a full one, zeoctl backup --full "
            f"{name}. {chain.damage or f'A verification found damage in {where}.'}"
        )
    lacking = [unit for unit in chain.units if unit.missing_blobs]
    if lacking:
        count = sum(unit.missing_blobs for unit in lacking)
        found.append(
            f"{count} blobs are not in the last backup, such as "
            f"{lacking[0].missing[0]}: they were not there to back up. Look for them "
            "in an older one."
        )
    return found


def missing(name: str) -> str:
    """Return what is said of a storage that has no backup."""
    return f"There is no backup: zeoctl backup {name}."


def _newest_chain(storage: Storage) -> Chain | None:
    found = repository.load(storage)
    return found[-1] if found else None
