"""How far a database is; never changes it, so that it may be read-only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from karl.recipe.evolve.running.errors import RefusedError
from karl.recipe.evolve.running.packages import Package, PendingStep
from karl.recipe.evolve.running.record import DEFERRED, Run, version_of, versions


def status(root: Any, packages: Iterable[Package]) -> dict[str, Any]:
    """Return the versions of software and database, and what is unfinished.

    The state of a package is ``current``, ``pending``, ``newer`` (the database was
    evolved by newer software) or ``absent`` (the database knows it, the software does
    not).  ``empty`` says that nobody has put anything into the database yet.
    """
    packages = list(packages)
    recorded = versions(root)
    told = [_package(package, recorded.get(package.module)) for package in packages]
    here = {package.module for package in packages}
    told += [
        {
            "package": module,
            "module": module,
            "software": None,
            "database": version,
            "pending": [],
            "state": "absent",
        }
        for module, version in sorted(recorded.items())
        if module not in here
    ]
    return {
        "packages": told,
        "empty": not root,
        "deferred": _deferred(root, packages),
        "run": _run(root),
    }


def pending_steps(root: Any, packages: Iterable[Package]) -> list[PendingStep]:
    """Load the steps that are left, in their order; only reads.

    :raises RefusedError: the database is newer than the software, or other steps were
        begun.
    """
    packages = list(packages)
    told = status(root, packages)["packages"]
    if newer := [package for package in told if package["state"] == "newer"]:
        raise RefusedError(
            "The database was evolved by newer software: "
            + ", ".join(
                f"{p['package']} is at {p['database']}, the software at {p['software']}"
                for p in newer
            )
            + ".",
            "Use a release that is at least as new.",
        )
    steps = [
        package.step(version)
        for package in packages
        for version in range(
            version_of(root, package.module, package.initial) + 1, package.software + 1
        )
    ]
    begun = Run(root).get("step")
    first = (steps[0].package.module, steps[0].version) if steps else None
    if begun and (begun["module"], begun["version"]) != first:
        raise RefusedError(
            f"The step {begun['version']} of {begun['module']} was begun"
            " with other software.",
            "Go on with that software, or evolve a new copy of the database.",
        )
    return steps


def steps_of(packages: Iterable[Package], listed: Iterable[Any]) -> list[PendingStep]:
    """Load the steps that the database's record lists as [module, version]."""
    known = {package.module: package for package in packages}
    listed = list(listed)
    if missing := sorted({module for module, _ in listed if module not in known}):
        raise RefusedError(
            f"A run with {', '.join(missing)} is unfinished, which is not installed.",
            "Go on with the software that began it.",
        )
    return [known[module].step(version) for module, version in listed]


def _package(package: Package, recorded: int | None) -> dict[str, Any]:
    database = package.initial if recorded is None else recorded
    pending = list(range(database + 1, package.software + 1))
    newer = database > package.software
    return {
        "package": package.name,
        "module": package.module,
        "software": package.software,
        "database": recorded,
        "pending": pending,
        "state": "pending" if pending else "newer" if newer else "current",
    }


def _deferred(root: Any, packages: list[Package]) -> list[dict[str, Any]]:
    names = {package.module: package.name for package in packages}
    return [
        {
            "package": names.get(entry["module"], entry["module"]),
            **{name: entry[name] for name in ("module", "version", "seen", "changed")},
        }
        for entry in (root.get(DEFERRED) or {}).values()
    ]


def _run(root: Any) -> dict[str, Any] | None:
    run = Run(root)
    if not run.exists:
        return None
    step = run.get("step")
    broken = list(run.get("broken", ()))
    if broken:
        phase = "broken"
    elif step:
        phase = f"changing {step['module']} {step['version']}"
    elif run.changed:
        phase = "reindexing"
    else:
        phase = "verifying" if run.done else "between steps"
    return {
        "phase": phase,
        "seen": step["seen"] if step else None,
        "broken": broken,
        "unverified": [f"{module} {version}" for module, version in run.done],
    }
