"""What a site is doing."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from karl.recipe.evolve.declaration.layout import EvolveLayout
from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.evolve.modes import state
from karl.recipe.evolve.modes.state import Mode
from karl.recipe.evolve.serving import controller, modefile, operations, records
from karl.recipe.evolve.serving.controller import Control
from karl.recipe.evolve.serving.modefile import Inhibition

_NUMBER = re.compile(r"revisions/([1-9][0-9]*)\Z")


@dataclass(frozen=True)
class WorkerStatus:
    """A process.

    :ivar state: its controller's word; may be empty.
    :ivar pid: None: it does not run.
    :ivar revision: None: it has not said which.
    :ivar release: its version; None: it has not said which.
    :ivar since: seconds since the epoch.
    :ivar problem: why it is not well; empty: it is.
    :ivar outdated: it is not of the current revision.
    """

    number: int
    state: str
    pid: int | None
    revision: int | None
    release: str | None
    since: float | None
    healthy: bool
    problem: str
    outdated: bool


@dataclass(frozen=True)
class SiteStatus:
    """A site.

    :ivar running: it was started.
    :ivar current: number of the live revision, if there is one.
    """

    running: bool
    current: int | None
    mode: Mode
    inhibited: Inhibition | None
    workers: tuple[WorkerStatus, ...]

    @property
    def serves(self) -> bool:
        """Tell whether every process does."""
        return self.running and all(each.healthy for each in self.workers)


def observe(site: SiteDeclaration) -> SiteStatus:
    """Look at a site; changes nothing."""
    control = controller.of(site)
    current = current_revision(site.places)
    known = control.workers()
    numbers = {*range(1, site.serving.workers + 1), *known}
    return SiteStatus(
        running=control.runs(),
        current=current,
        mode=state.read(site.places.mode),
        inhibited=modefile.inhibition(site.places),
        workers=tuple(
            _worker(site, number, known.get(number), current)
            for number in sorted(numbers)
        ),
    )


def current_revision(places: EvolveLayout) -> int | None:
    """Return the number of the live revision; None before the first switch."""
    try:
        found = _NUMBER.search(os.readlink(places.current))
    except OSError:
        return None
    return int(found[1]) if found else None


def _worker(
    site: SiteDeclaration, number: int, known: Control | None, current: int | None
) -> WorkerStatus:
    word, pid = (known.state, known.pid) if known else ("", None)
    if pid is None:
        return WorkerStatus(
            number, word, None, None, None, None,
            healthy=False, problem="it does not run", outdated=False,
        )  # fmt: skip
    health = operations.ask_worker(site, number)
    record = records.load(site.places.worker_record(number))
    said = record if record is not None and record.pid == pid else None
    problem = health.problem
    if not problem and health.pid != pid:
        problem = f"process {health.pid} listens in its place"
    return WorkerStatus(
        number=number,
        state=word,
        pid=pid,
        revision=said.revision if said else None,
        release=said.release if said else None,
        since=said.since if said else None,
        healthy=not problem,
        problem=problem,
        outdated=said is not None and said.revision != current,
    )
