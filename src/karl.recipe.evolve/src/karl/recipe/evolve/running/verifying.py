"""What must be true when steps have run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from karl.recipe.evolve.running.changing import failing, stopped
from karl.recipe.evolve.running.counting import count, losses
from karl.recipe.evolve.running.errors import BrokenError
from karl.recipe.evolve.running.packages import PendingStep
from karl.recipe.evolve.running.record import Run
from karl.recipe.evolve.running.session import Session
from karl.recipe.evolve.steps import Step
from karl.recipe.evolve.steps.step import identity

#: Sentences that are told of one step.
_MOST = 20


def verify(session: Session, steps: Iterable[PendingStep]) -> list[str]:
    """Check the invariants of *steps*, and the counts of their catalogs; only read.

    :return: a sentence for everything that is broken, with its step.
    """
    found = []
    for pending in steps:
        step = pending.declared
        if step is None or step.deferred:
            continue
        with failing(session, pending), _ending_at_once(session):
            broken = list(islice(step.invariants(session.root), _MOST))
            if step.indexes:
                broken += _compare(session, pending, step)
        session.abort()
        session.tell("verified", **pending.named(), broken=broken)
        found += [f"{pending}: {sentence}" for sentence in broken]
    return found


@contextmanager
def _ending_at_once(session: Session) -> Iterator[None]:
    # Nothing is written here, so nothing is lost.
    session.stop.uninterruptible = True
    try:
        if session.stop.requested:
            raise stopped()
        yield
    finally:
        session.stop.uninterruptible = False


def verify_run(session: Session, steps: list[PendingStep]) -> None:
    """Verify what a run has done; then the run is over.

    :raises BrokenError: something is broken; the database says what.
    """
    run = Run(session.root)
    if not run.exists:
        return
    broken = verify(session, steps)
    if broken:
        run.set(broken=broken)
        session.commit("evolve: broken")
        raise BrokenError(
            f"After evolving, {broken[0]}"
            + (f" ({len(broken)} such sentences in all)" if len(broken) > 1 else ""),
            "Correct the step, and evolve a new copy of the database.",
        )
    run.remove()
    session.commit("evolve: verified")


def _compare(session: Session, pending: PendingStep, step: Step) -> list[str]:
    after = count(session, step)
    oid = identity(step.catalog(session.root), session.connection)
    before: dict[str, Any] | None = Run(session.root).get("before", {}).get(oid)
    session.tell("counts", **pending.named(), before=before, after=after)
    return list(losses(step, before, after)) if Run(session.root).exists else []
