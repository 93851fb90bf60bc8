"""Looking at a site before anything is decided; nothing is changed."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from karl.recipe.evolve.upgrade import history, model
from karl.recipe.evolve.upgrade.evolvesteps import versions
from karl.recipe.evolve.upgrade.model import Observed, Request, Revision, Versions
from karl.recipe.evolve.upgrade.programs import Programs
from karl.recipe.evolve.upgrade.scrubsteps import foreign
from karl.recipe.release.base.errors import DamagedError, RefusedError, UnreachableError


def observe(programs: Programs, request: Request) -> Observed:
    """Return what a plan is made from.

    :raises KarlError: it cannot be told.
    """
    declared = programs.declared
    if not declared.storage:
        raise RefusedError(
            f"The site {declared.name} has no storage of a database server.",
            "Name it in the buildout, with the command zeoctl; or make the release "
            "live with bin/switch-version.",
        )
    places = programs.places
    found = programs.switch("--list")
    revisions = {row["number"]: row for row in found["revisions"]}
    current = _revision(revisions.get(found["current"]))
    storage = programs.zeo("status", "--copies")
    site = programs.site_status()
    live = storage["live"]
    releases = _releases(found["releases"], request.version)
    told = Versions()
    if request.version in releases and (current is not None or live is not None):
        with _binding(programs, current, storage) as conf:
            told = versions(programs, request.version, conf)
    unfinished = history.unfinished(places)
    return Observed(
        site=declared.name,
        storage=declared.storage,
        current=current,
        previous=_revision(revisions.get(found["rollback_to"])),
        releases=releases,
        live=None if live is None else int(live["number"]),
        live_mode="" if live is None else live["mode"],
        staged=tuple(storage["staged"]),
        copies={int(row["number"]): row["status"] for row in storage["copies"]},
        packages=told.packages,
        empty=told.empty,
        deferred=told.deferred,
        withheld=_withheld(storage["copies"]),
        foreign=foreign(programs, request.at) if request.refresh else None,
        mode=str(site["mode"]["mode"]),
        inhibited=site["inhibited"] is not None,
        unfinished=None if unfinished is None else unfinished.number,
        times=history.times(places, request.version, _kinds(request)),
    )


@contextlib.contextmanager
def _binding(
    programs: Programs, current: Revision | None, storage: Any
) -> Iterator[Path]:
    """Give the ``zodb.conf`` of the live database.

    Before the first switch no revision has one: zeoctl tells it.

    :raises UnreachableError: nothing serves it.
    """
    if current is not None:
        yield programs.places.layout.revision(current.number).zodb_conf
        return
    number = storage["live"]["number"]
    serving = [each["number"] for each in storage["servers"] if each["serves"]]
    if number not in serving:
        name = programs.declared.storage
        raise UnreachableError(
            f"The server of {name} does not answer.", f"Start it: zeoctl start {name}."
        )
    with tempfile.NamedTemporaryFile("w", prefix="evolve-", suffix=".conf") as stream:
        stream.write(programs.zeo("client-conf")["zodb_conf"])
        stream.flush()
        yield Path(stream.name)


def _releases(rows: list[Any], wanted: str) -> tuple[str, ...]:
    """Return the releases that are built.

    :raises DamagedError: the one that is wanted is not as it was sealed.
    """
    for row in rows:
        if row["release"] == wanted and row["problem"]:
            raise DamagedError(
                f"Release {wanted} is damaged: {row['problem'].rstrip('.')}.",
                f"See bin/switch-version --verify {wanted}; build a new version of it.",
            )
    return tuple(row["release"] for row in rows)


def _withheld(rows: list[Any]) -> tuple[int, ...]:
    """Return the copies that have another site's data, and are not given up."""
    return tuple(
        int(row["number"])
        for row in rows
        if row.get("withheld") and row["status"] != "retired"
    )


def _kinds(request: Request) -> tuple[str, ...]:
    """Return the kinds of runs whose times tell how long this one will take."""
    if request.rollback:
        return (model.ROLLBACK, model.SWITCH_BACK)
    if request.refresh:
        return (model.REFRESH,)
    return (model.UPGRADE, model.REHEARSAL, model.SWITCH)


def _revision(row: Any) -> Revision | None:
    if row is None or not row.get("release"):
        return None
    return Revision(row["number"], row["release"], row.get("database"))
