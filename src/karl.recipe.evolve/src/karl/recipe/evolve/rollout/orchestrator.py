"""Doing the steps of a rollout, each in the journal before and after."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from karl.recipe.evolve.rollout import history, steps
from karl.recipe.evolve.rollout.model import Rollouts
from karl.recipe.evolve.rollout.programs import Programs
from karl.recipe.evolve.rollout.step import Step, Work
from karl.recipe.release.base import files
from karl.recipe.release.base.errors import KarlError, ProcessError
from karl.recipe.release.base.journal import Journal
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.reporter import Reporter


@dataclass(frozen=True)
class Request:
    """What is asked for.

    :ivar until: the last step to do; empty: all.
    :ivar rehearses: the upgrade is rehearsed before.
    """

    version: str
    until: str = ""
    rehearses: bool = True


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    :ivar steps: those that were done or looked at, in order: ``name``, ``text``,
        ``seconds``, ``skipped``.
    :ivar complete: all steps were done.
    :ivar dry_run: they were only looked at: a step has ``name`` and ``text`` alone.
    """

    work: Work
    request: Request
    seconds: float
    steps: list[dict[str, Any]] = field(default_factory=list)
    complete: bool = True
    dry_run: bool = False


def run(declared: Rollouts, request: Request, reporter: Reporter) -> Outcome:
    """Roll out a version, or go on with that.

    :raises KarlError: a step failed; the next run does that step again.
    """
    places, began = declared.places, time.time()
    with locked(places.lock, f"roll out {request.version}"):
        files.make_directory(places.run(request.version).root)
        return _run(declared, request, reporter, began)


def _run(
    declared: Rollouts, request: Request, reporter: Reporter, began: float
) -> Outcome:
    with _working(declared, request, reporter) as work:
        journal, done = Journal(work.places.journal), list[dict[str, Any]]()
        journal.append("begin", tag=work.tag)
        wanted = _until(steps.of(declared), request.until)
        for step in wanted:
            done.append(_do(step, work, journal))
        journal.append("end", until=wanted[-1].name)
        complete = wanted[-1].name == steps.NAMES[-1]
        return Outcome(work, request, time.time() - began, done, complete)


def plan(declared: Rollouts, request: Request, reporter: Reporter) -> Outcome:
    """Return what would be done.  Takes no lock, and changes nothing.

    :raises KarlError: the check would fail.
    """
    with _working(declared, request, reporter) as work:
        work.facts.update(steps.CHECK.apply(work))
        told = [
            {"name": step.name, "text": steps.text(step, declared, request.version)}
            for step in _until(steps.of(declared), request.until)
            if work.rehearses or step.name != "rehearse"
        ]
        return Outcome(work, request, 0.0, told, complete=False, dry_run=True)


@contextlib.contextmanager
def _working(
    declared: Rollouts, request: Request, reporter: Reporter
) -> Iterator[Work]:
    places = declared.places.run(request.version)
    before = history.load(places)
    log = {"log": places.log} if places.root.is_dir() else {}
    with contextlib.ExitStack() as scratch:
        yield Work(
            declared,
            request.version,
            places,
            Programs(declared, reporter, **log),
            scratch,
            facts=before.facts,
            done=before.done,
            rehearses=request.rehearses,
        )


def _until(found: tuple[Step, ...], name: str) -> tuple[Step, ...]:
    names = [step.name for step in found]
    return found[: names.index(name) + 1] if name in names else found


def _do(step: Step, work: Work, journal: Journal) -> dict[str, Any]:
    text, began = steps.text(step, work.declared, work.version), time.time()
    journal.append("step", step=step.name)
    try:
        skipped = step.check(work)
        if not skipped:
            work.reporter.say(f"[{step.name}] {text}")
        found = {} if skipped else dict(step.apply(work))
    except KarlError as error:
        with contextlib.suppress(OSError):
            journal.append(
                "failed", step=step.name, message=error.message, tip=error.tip,
                exit=error.exit_code,
            )  # fmt: skip
        told = f"The step {step.name} failed: {error.message}"
        kind = KarlError if isinstance(error, ProcessError) else type(error)
        raise kind(told, error.tip) from error
    seconds = round(time.time() - began, 3)
    work.facts.update(found)
    journal.append(
        "done", step=step.name, facts=found, seconds=seconds, skipped=skipped
    )
    return {"name": step.name, "text": text, "seconds": seconds, "skipped": skipped}
