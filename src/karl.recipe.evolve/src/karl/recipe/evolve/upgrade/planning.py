"""Deciding what a run will do: from what is observed to a plan.

Pure: nothing here reads or changes anything.
"""

from __future__ import annotations

from karl.recipe.evolve.upgrade import model
from karl.recipe.evolve.upgrade.model import (
    Facts,
    Observed,
    Package,
    Plan,
    PlannedStep,
    Request,
    Revision,
)
from karl.recipe.evolve.upgrade.phases import STEPS
from karl.recipe.release.base.errors import RefusedError

#: Steps that take as long as another one did, where they were not done themselves.
_LIKE = {"final-catch-up": "catch-up", "exact-losses": "losses"}


def plan(observed: Observed, request: Request) -> Plan:
    """Decide what to do.

    :raises RefusedError: the state forbids it.
    """
    refuse_unfinished(observed.unfinished)
    current = observed.current
    if request.refresh:
        return _refresh(observed, request, current)
    if request.rollback:
        return _back(observed, request, current)
    if current is None:
        return _first(observed, request)
    return _forward(observed, request, current)


def refuse_unfinished(number: int | None) -> None:
    """Refuse a new run while another is neither finished nor undone.

    :param number: the number of that run, if there is one.
    :raises RefusedError: there is.
    """
    if number is not None:
        raise RefusedError(
            f"Upgrade {number} was interrupted.",
            "Go on with it: evolve --resume. Or make everything as it was before: "
            "evolve --abort. evolve status tells how far it came.",
        )


def _first(observed: Observed, request: Request) -> Plan:
    """Decide how a site gets its first revision, on the live database copy."""
    version = request.version
    _check_release(observed, version)
    _check_live(observed)
    pending = [package for package in observed.packages if package.pending]
    if pending and not observed.empty:
        raise RefusedError(
            f"The first release of {observed.site} would have to evolve live data: "
            f"{'; '.join(map(_difference, pending))}.",
            "Make the release live that wrote these data: evolve OLD-VERSION. Then "
            f"evolve {version}.",
        )
    facts: dict[str, object] = {
        "release_from": None,
        "revision_from": None,
        "copy_from": None,
        "copy": observed.live,
        "version": version,
        "postpone": request.postpone,
    }
    reason = f"the site has no revision yet, and database copy {observed.live} is live"
    if request.rehearse:
        return Plan(model.NOTHING, f"{reason}: there is nothing to rehearse", facts)
    return _planned(model.FIRST, reason, facts, observed)


def _refresh(observed: Observed, request: Request, current: Revision | None) -> Plan:
    """Decide how a site gets another one's data; its own are given up on purpose."""
    if current is None:
        raise RefusedError(
            f"The site {observed.site} has no live revision.",
            "Make its first release live: evolve VERSION.",
        )
    _check_database(observed, current)
    if observed.withheld:
        number = observed.withheld[0]
        raise RefusedError(
            f"Database copy {number} of {observed.storage} has another site's data, "
            "which are not scrubbed; somebody else restored it.",
            f"If nobody needs it: zeoctl retire {observed.storage} {number}.",
        )
    found = observed.foreign
    if found is None or not found.within_reach:
        raise RefusedError(
            f"The files of {observed.storage} are not on this machine, or another "
            "user's; data that are not scrubbed are served to nobody, not even to be "
            "scrubbed.",
            "Run it where the database server is, as its user.",
        )
    facts = {
        **_facts(observed, current),
        "version": current.release,
        "source": found.source,
        "scrub": found.scrub or "nothing has to be done",
        "at": request.at,
        "discard_writes": True,
    }
    reason = f"the site gets the data of {found.source}, backup {found.backup}"
    return _planned(model.REFRESH, reason, facts, observed)


def _forward(observed: Observed, request: Request, current: Revision) -> Plan:
    version = request.version
    _check_release(observed, version)
    pending = [package for package in observed.packages if package.pending]
    facts: dict[str, object] = {
        **_facts(observed, current),
        "version": version,
        "postpone": request.postpone,
    }
    if pending or request.rehearse:
        _check_database(observed, current)
    if pending:
        kind = model.REHEARSAL if request.rehearse else model.UPGRADE
        reason = "; ".join(map(_difference, pending))
        return _planned(kind, reason, facts, observed)
    if observed.deferred:
        facts["deferred"] = list(observed.deferred)
    if current.release == version:
        reason = f"release {version} is live, and its database needs no evolving"
        if observed.deferred and not request.rehearse:
            reason = f"release {version} is live, and its steps left something"
            facts["revision"] = current.number
            return _planned(model.BACKGROUND, reason, facts, observed)
        return Plan(model.NOTHING, reason, facts)
    reason = f"the database needs no evolving for release {version}"
    if request.rehearse:
        return Plan(model.NOTHING, f"{reason}: there is nothing to rehearse", facts)
    return _planned(model.SWITCH, reason, facts, observed)


def _check_release(observed: Observed, version: str) -> None:
    """Refuse a release that is not there, or older than the data.

    :raises RefusedError: it is.
    """
    if version not in observed.releases:
        built = ", ".join(observed.releases) or "none"
        raise RefusedError(
            f"There is no release {version} in this site; there are: {built}.",
            "Build it: run the site's buildout with that version.",
        )
    _refuse_newer(observed, version)


def _back(observed: Observed, request: Request, current: Revision | None) -> Plan:
    target = observed.previous
    if target is None or current is None:
        raise RefusedError(
            "There is no revision to go back to.", "See bin/switch-version --list."
        )
    facts: dict[str, object] = {
        **_facts(observed, current),
        "version": target.release,
        "revision": target.number,
        "discard_writes": request.discard_writes,
    }
    reason = f"revision {target.number} (release {target.release}) was live before"
    if target.database == current.database:
        return _planned(model.SWITCH_BACK, reason, facts, observed)
    _check_database(observed, current)
    number = _copy_of(observed, target.database)
    if observed.copies.get(number or 0) not in {"former", "ready"}:
        raise RefusedError(
            f"Revision {target.number} is bound to {target.database}, which is not "
            "there any more.",
            "Restore a backup to a new copy: zeoctl restore; then bind it with "
            "switch-version.",
        )
    return _planned(model.ROLLBACK, reason, {**facts, "copy": number}, observed)


def _facts(observed: Observed, current: Revision) -> Facts:
    return {
        "release_from": current.release,
        "revision_from": current.number,
        "copy_from": observed.live,
        "mode_from": observed.mode,
        "inhibited_from": observed.inhibited,
    }


def _check_database(observed: Observed, current: Revision) -> None:
    """Refuse a database that is not as it is in a site at work.

    :raises RefusedError: it is not.
    """
    storage = observed.storage
    _check_live(observed)
    if current.database != f"{storage}-{observed.live}":
        raise RefusedError(
            f"Revision {current.number} is bound to {current.database}, but the live "
            f"database copy is {storage}-{observed.live}.",
            "Find out which is right: zeoctl status, switch-version --list.",
        )
    if observed.mode != "normal":
        raise RefusedError(
            f"The site is in mode {observed.mode} already.",
            "If that is not meant to last: bin/site mode normal.",
        )
    if observed.staged:
        number = observed.staged[0]
        raise RefusedError(
            f"Database copy {number} of {storage} is staged, by somebody else.",
            f"If nobody needs it: zeoctl retire {storage} {number}.",
        )


def _check_live(observed: Observed) -> None:
    """Refuse a storage without a live copy that can be written to.

    :raises RefusedError: it has none.
    """
    storage = observed.storage
    if observed.live is None:
        raise RefusedError(
            f"{storage} has no live database copy.",
            f"Make an empty one with zeoctl init {storage}, or bring one with zeoctl "
            f"import {storage}; then zeoctl start {storage}.",
        )
    if observed.live_mode != "writable":
        raise RefusedError(
            f"The live database copy {observed.live} is read-only already.",
            f"If that is not meant to last: zeoctl writable {storage}.",
        )


def _refuse_newer(observed: Observed, version: str) -> None:
    newer = [package for package in observed.packages if package.state == "newer"]
    if newer:
        raise RefusedError(
            f"The database is newer than release {version}: "
            f"{'; '.join(map(_difference, newer))}.",
            "Old software never works on evolved data. To go back: evolve --rollback.",
        )


def _difference(package: Package) -> str:
    database = "nothing" if package.database is None else package.database
    return f"{package.name} is at {database}, the software at {package.software}"


def _copy_of(observed: Observed, database: str | None) -> int | None:
    """Return the number of the copy that a revision's database is."""
    prefix = f"{observed.storage}-"
    number = (database or "").removeprefix(prefix)
    ours = (database or "").startswith(prefix) and number.isdigit()
    return int(number) if ours else None


def _planned(kind: str, reason: str, facts: Facts, observed: Observed) -> Plan:
    steps = tuple(
        PlannedStep(
            step.name,
            step.phase,
            step.description.format_map(facts),
            observed.times.get(step.name, observed.times.get(_LIKE.get(step.name, ""))),
            step.window,
        )
        for step in STEPS[kind]
    )
    return Plan(kind, reason, facts, steps)
