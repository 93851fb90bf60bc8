"""All that is worth knowing of the database server and its sites, whatever is ill."""

from __future__ import annotations

import dataclasses
import socket
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from karl.recipe.release.base.blocks import Attention, moment, problem
from karl.recipe.release.base.errors import KarlError
from karl.recipe.release.base.journal import Journal
from karl.recipe.release.base.reporter import SilentReporter
from karl.recipe.zeoserver.backups import verdicts
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.operations import (
    asking,
    attention,
    reportblocks,
    repository,
    sizes,
    status,
)
from karl.recipe.zeoserver.operations.look import Look
from karl.recipe.zeoserver.operations.storage import Storage

#: Bytes of a journal's end in which the last backup is looked for.
_TAIL = 1 << 18


def of_central(central: Central, names: Sequence[str]) -> dict[str, Any]:
    """Return what is known of storages, and of the sites if all storages are told of.

    :param names: of storages; none: all.
    """
    now = time.time()
    wanted = names or sorted(central.storages)
    return {
        "server": central.name,
        "host": socket.gethostname(),
        "made": now,
        "storages": {name: _of_storage(central, name, now) for name in wanted},
        "sites": [] if names else asking.ask_all(central.sites),
        "attention": [] if names else _certificates(central, now),
    }


def _of_storage(central: Central, name: str, now: float) -> dict[str, Any]:
    """Return what is known of a storage; if that fails, what failed."""
    try:
        return of_storage(Storage(central, name, SilentReporter()), now)
    except (KarlError, OSError) as error:
        told = str(error)
    except Exception as error:  # noqa: BLE001  # the others are told of all the same
        *_, where = traceback.extract_tb(error.__traceback__)
        told = (
            f"This was not foreseen: {error!r}, in {Path(where.filename).name}, line "
            f"{where.lineno}."
        )
    return {"attention": [problem(f"Nothing can be told: {told}")], "page": []}


def of_storage(storage: Storage, now: float) -> dict[str, Any]:
    """Return what ``status`` tells of a storage, and how that came to be.

    :param now: seconds since the epoch.
    """
    found = status.report(storage, copies=True)
    told = Look(storage, problems=found["problems"])
    none: tuple[Chain, ...] = ()
    chains = told.attempt(lambda: repository.load(storage), none)
    places = storage.places
    found = {
        **found,
        "chains": [_chain(chain) for chain in reversed(chains) if chain.units],
        "sizes": [
            dataclasses.asdict(size)
            for size in sizes.merged(chains, sizes.history(places))
        ],
        "last_backup": told.attempt(lambda: _last_backup(storage), None),
    }
    found["problems"] = list(dict.fromkeys(told.problems))
    return {
        **found,
        "attention": attention.of_storage(storage.name, storage.declared, found, now),
        "page": reportblocks.of_storage(found),
    }


def _chain(chain: Chain) -> dict[str, Any]:
    found = [verdict for unit in chain.units if (verdict := verdicts.read(unit))]
    wrong = verdicts.damaged(chain.units)
    damage = chain.damage or (f"{wrong.name} is damaged." if wrong else "")
    well = [verdict for verdict in found if not verdict.damage]
    return {
        "chain": chain.stamp,
        "copy": chain.full.copy,
        "units": len(chain.units),
        "first": chain.full.made,
        "last": chain.newest.made,
        "bytes": chain.newest.end,
        "blob_bytes": sum(unit.blob_bytes for unit in chain.units),
        "verified": max((verdict.time for verdict in well), default=None),
        "drill": any(verdict.drill for verdict in well),
        "damage": damage or None,
    }


def _last_backup(storage: Storage) -> dict[str, Any] | None:
    """Return how the backup ended that was begun last; ``error`` is None if well."""
    ends = [
        entry
        for entry in Journal(storage.places.journal).tail(_TAIL)
        if entry.get("verb") == "backup"
        and entry.get("event") in {"end", "failed"}
        and type(entry.get("time")) is float
    ]
    if not ends:
        return None
    last: Mapping[str, Any] = ends[-1]
    return {"time": last["time"], "error": str(last.get("error", "")) or None}


def _certificates(central: Central, now: float) -> list[Attention]:
    """Tell of certificates that zeoctl made, and that end soon."""
    places = central.places.certificates
    if not places.root.is_dir():
        return []
    from karl.recipe.zeoserver.servers import certificatefiles

    try:
        found = certificatefiles.every(places)
    except (KarlError, OSError) as error:
        return [problem(f"The certificates cannot be read: {error}")]
    return [
        problem(
            f"The certificate {each.certificate} ends {moment(each.expires)}: make "
            "another, as with zeoctl certificate, and give it to who uses it."
        )
        for each in found
        if each.days_left(now) < certificatefiles.SOON
    ]
