"""What ``evolve`` does to a site: begins a run, goes on with one, or undoes it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

from karl.recipe.evolve.upgrade import (
    history,
    interruption,
    observing,
    planning,
    storagesteps,
)
from karl.recipe.evolve.upgrade.history import Run
from karl.recipe.evolve.upgrade.model import NOTHING, Plan, Request
from karl.recipe.evolve.upgrade.operation import Operation
from karl.recipe.evolve.upgrade.programs import Programs
from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.base.journal import Journal
from karl.recipe.release.base.locks import locked


def plan(programs: Programs, request: Request) -> Plan:
    """Return what would be done; take no lock, change nothing."""
    return planning.plan(observing.observe(programs, request), request)


def start(programs: Programs, request: Request) -> tuple[Plan, Run | None]:
    """Do what is asked for; return the plan, and the run if there was one to make.

    :raises KarlError: a step failed; what was done is undone, or the error says so.
    """
    with _holding(programs):
        return _start(programs, request)


def resume(programs: Programs) -> Run:
    """Go on with a run that was interrupted, or with what was left for later.

    One that was being undone is undone, and begun anew.

    :raises RefusedError: there is none.
    """
    with _holding(programs):
        last = history.newest(programs.places)
        if last is not None and (done := Operation(programs, last)).is_left:
            return done.forward()
        operation = _interrupted(programs)
        run = operation.run
        if run.undoing and not operation.is_live():
            operation.undo(run.undoing)
            started = _start(programs, run.request)[1]
            return started or history.load(run.places)
        names = [step.name for step in operation.steps]
        again = names[names.index("adopt") :] if run.undoing else []
        operation.note("resumed", again=again)
        operation.run = history.load(run.places)
        return operation.forward(late=not run.request.leave_deferred)


def abort(programs: Programs) -> Run:
    """Make everything as it was before a run that was interrupted.

    :raises RefusedError: there is none, or it can only be finished.
    """
    with _holding(programs):
        operation = _interrupted(programs)
        operation.check_no_first()
        if operation.is_live():
            try:
                storagesteps.check_going_back(operation.work)
            except RefusedError as error:
                raise RefusedError(
                    f"Database copy {operation.work.copy} is live and in use: "
                    f"{error.message}",
                    "Finish: evolve --resume. Then go back, if need be: evolve "
                    "--rollback.",
                ) from None
        return operation.undo("asked to abort")


@contextlib.contextmanager
def _holding(programs: Programs) -> Iterator[None]:
    with locked(programs.places.lock, "upgrade the site"), interruption.caught():
        yield


def _start(programs: Programs, request: Request) -> tuple[Plan, Run | None]:
    planning.refuse_unfinished(_unfinished_number(programs))
    decided = plan(programs, request)
    if decided.kind == NOTHING:
        return decided, None
    places = programs.places.run(history.next_number(programs.places))
    Journal(places.journal).append(
        "begin",
        kind=decided.kind,
        request=dataclasses.asdict(request),
        reason=decided.reason,
        facts=dict(decided.facts),
        texts={step.name: step.text for step in decided.steps},
    )
    operation = Operation(programs, history.load(places))
    return decided, operation.forward(late=not request.leave_deferred)


def _unfinished_number(programs: Programs) -> int | None:
    run = history.unfinished(programs.places)
    return None if run is None else run.number


def _interrupted(programs: Programs) -> Operation:
    run = history.unfinished(programs.places)
    if run is None:
        raise RefusedError(
            "No upgrade was interrupted.", "See evolve status for the last one."
        )
    return Operation(programs, run)
