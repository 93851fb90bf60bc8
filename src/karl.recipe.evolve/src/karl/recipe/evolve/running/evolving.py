"""The whole run: each pending step, one pass over the catalogs, verification."""

from __future__ import annotations

import resource
import time
from typing import Any

from karl.recipe.evolve.running.changing import run_step
from karl.recipe.evolve.running.packages import Package, PendingStep
from karl.recipe.evolve.running.record import Run
from karl.recipe.evolve.running.reindexing import reindex_waiting
from karl.recipe.evolve.running.session import Session
from karl.recipe.evolve.running.status import pending_steps, status, steps_of
from karl.recipe.evolve.running.verifying import verify, verify_run
from karl.recipe.evolve.steps.step import changed
from karl.recipe.evolve.steps.walking import walk


def evolve(
    session: Session, packages: list[Package], *, result: str = "evolved"
) -> None:
    """Bring the database to the versions of the software, and verify it.

    What an earlier run left is finished first.

    :param result: what is told at the end if there was anything to do.
    :raises RefusedError: the database is newer than the software.
    :raises StepError: a step failed.
    :raises BrokenError: an invariant does not hold.
    :raises UnfinishedError: the process was asked to end; run it again.
    """
    began = time.monotonic()
    run = Run(session.root)
    # Everything is loaded first: what cannot be imported changes nothing.
    steps = pending_steps(session.root, packages)
    steps_of(packages, [*run.changed, *run.done])
    if not steps and not run.exists:
        result = "current"
    session.tell("plan", steps=[step.named() for step in steps])
    for step in steps:
        if _wants_catalog(step):
            reindex_waiting(session, steps_of(packages, run.changed))
        run_step(session, step)
    reindex_waiting(session, steps_of(packages, run.changed))
    verify_run(session, steps_of(packages, run.done))
    session.tell(
        "end",
        result=result,
        seconds=round(time.monotonic() - began, 3),
        peak_memory=peak_memory(),
        **status(session.root, packages),
    )


def peak_memory() -> int:
    """Return the most bytes of memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def verify_all(session: Session, packages: list[Package]) -> list[str]:
    """Check the invariants of every step that the database has behind it."""
    told = {
        p["module"]: p["database"] for p in status(session.root, packages)["packages"]
    }
    steps = [
        package.step(version)
        for package in packages
        for version in range(
            package.initial + 1,
            min(told[package.module] or 0, package.software) + 1,
        )
    ]
    return verify(session, steps)


def check(session: Session, packages: list[Package]) -> None:
    """Tell what each pending step would change, and change nothing.

    Each step sees the database as it is now, without what the steps before it would do.
    """
    for pending in pending_steps(session.root, packages):
        changes, seen = _would_change(session, pending)
        session.tell("would_change", **pending.named(), changes=changes, seen=seen)


def _would_change(session: Session, pending: PendingStep) -> tuple[int | None, int]:
    step = pending.declared
    if step is None:
        return None, 0
    changes = seen = 0
    _again(session, step)
    for _, item in walk(step.objects(session.root)).after():
        changes += changed(step, item)
        seen += 1
        if seen % step.batch == 0:
            _again(session, step)
    session.abort()
    return changes, seen


def _again(session: Session, step: Any) -> None:
    # What a step prepares goes with every batch that is thrown away.
    session.abort()
    step.prepare(session.root)


def _wants_catalog(pending: PendingStep) -> bool:
    return pending.declared is None or pending.declared.reads_catalog
