"""Starting, stopping and restarting the processes of a site."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.evolve.rendering import systemdunits
from karl.recipe.evolve.serving import controller, records
from karl.recipe.evolve.serving.controller import Controller
from karl.recipe.evolve.serving.health import Health, ask, tail
from karl.recipe.release.base.errors import UnfinishedError
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.release.base.waiting import eventually


@dataclass(frozen=True)
class Started:
    """A process that answers.

    :ivar seconds: until it did.
    """

    number: int
    pid: int
    revision: int
    release: str
    seconds: float


def start(site: SiteDeclaration, reporter: Reporter) -> list[Started]:
    """Start what does not run, and wait until every process is well.

    :raises UnfinishedError: one is not.
    """
    with locked(site.places.control_lock, "start the site"):
        return _start(site, controller.of(site), reporter)


def stop(site: SiteDeclaration, reporter: Reporter) -> bool:
    """Stop all processes; tell whether any ran."""
    with locked(site.places.control_lock, "stop the site"):
        return controller.of(site).stop(reporter)


def restart(
    site: SiteDeclaration, reporter: Reporter, *, if_running: bool = False
) -> list[Started]:
    """Replace one process after the other; start the site if nothing runs.

    The next one is touched only when the one before is well: the others serve.

    :param if_running: do not start the site.
    :raises UnfinishedError: a process did not come up; those after it still run.
    """
    with locked(site.places.control_lock, "restart the site"):
        control = controller.of(site)
        if not control.runs():
            return [] if if_running else _start(site, control, reporter)
        told = control.outdated()
        if told:
            reporter.warn(told)
        done: list[Started] = []
        for number in sorted(control.workers()):
            before = control.workers()[number].pid
            begin = time.monotonic()
            control.replace(number)
            done.append(_wait(site, control, number, begin, before, done=done))
            reporter.say(f"Process {number} serves revision {done[-1].revision}")
        return done


def _start(
    site: SiteDeclaration, control: Controller, reporter: Reporter
) -> list[Started]:
    begin = time.monotonic()
    control.start(reporter)
    done: list[Started] = []
    for number in range(1, site.serving.workers + 1):
        done.append(_wait(site, control, number, begin, done=done))
        reporter.say(f"Process {number} serves revision {done[-1].revision}")
    return done


def _wait(
    site: SiteDeclaration,
    control: Controller,
    number: int,
    begin: float,
    before: int | None = None,
    *,
    done: Iterable[Started],
) -> Started:
    """Wait until a process is well.

    :param before: the process that it replaces.
    :param done: those that are.
    :raises UnfinishedError: it is not in time, or is not going to be.
    """
    found: list[tuple[records.WorkerRecord, Health]] = []
    last = Health(problem="it has not started")

    def well() -> bool:
        nonlocal last
        last = ask_worker(site, number)
        record = records.load(site.places.worker_record(number))
        is_new = record is not None and last.pid == record.pid != before
        if record is not None and is_new and last.is_well:
            found.append((record, last))
            return True
        known = control.workers().get(number)
        return known is not None and known.given_up

    eventually(well, site.timeouts.start)
    if not found:
        raise _not_up(site, number, last, done)
    record, _ = found[0]
    return Started(
        number,
        record.pid,
        record.revision,
        record.release,
        round(time.monotonic() - begin, 3),
    )


def _not_up(
    site: SiteDeclaration, number: int, last: Health, done: Iterable[Started]
) -> UnfinishedError:
    well = ", ".join(str(each.number) for each in done) or "none"
    return UnfinishedError(
        f"Process {number} of the site did not come up: {last.problem} (restarted "
        f"and well: {well}; those after it were not touched).",
        "Put it right and say it again, or go back to the revision before. "
        f"{_what_it_said(site, number)}",
    )


def _what_it_said(site: SiteDeclaration, number: int) -> str:
    if site.serving.control == "systemd":
        unit = systemdunits.worker(site, number)
        return f"What it printed: journalctl --unit {unit}."
    log = site.places.worker_log(number)
    return f"Its last output ({log}):\n{tail(log)}"


def ask_worker(site: SiteDeclaration, number: int) -> Health:
    """Return whether a process is well, by its private socket."""
    return ask(
        site.places.worker_socket(number),
        site.serving.health_paths[0],
        site.timeouts.health,
    )
