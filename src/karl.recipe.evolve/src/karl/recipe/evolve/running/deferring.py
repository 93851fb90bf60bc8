"""The work that was left for the background, on the database that is live.

The site writes at the same time.  So batches are small; one that meets a change of the
site is thrown away and done again with the new data.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from typing import Any

from ZODB.POSException import ConflictError

from karl.recipe.evolve.running.changing import failing, stopped
from karl.recipe.evolve.running.errors import BrokenError, RefusedError, UnfinishedError
from karl.recipe.evolve.running.events import Progress
from karl.recipe.evolve.running.packages import Package, PendingStep
from karl.recipe.evolve.running.record import DEFERRED
from karl.recipe.evolve.running.session import Session
from karl.recipe.evolve.running.status import steps_of
from karl.recipe.evolve.steps import Rebuild, Step, StepError
from karl.recipe.evolve.steps.catalogs import indexer
from karl.recipe.evolve.steps.step import changed
from karl.recipe.evolve.steps.walking import walk

#: Objects in a transaction.
_BATCH = 100

#: Objects by which a batch grows again after one that met no change of the site.
_GROWTH = 5

#: How often a batch is done again before giving up.
_ATTEMPTS = 12

#: The longest wait between two attempts, in seconds.
_WAIT = 2.0


def run_deferred(
    session: Session, packages: list[Package], *, pause: float = 0.0
) -> None:
    """Do all that was left for the background, each part of it resumable.

    :param pause: seconds between two batches, for the site.
    :raises UnfinishedError: the process was asked to end, or the site changes the same
        objects all the time; run it again.
    """
    began = time.monotonic()
    entries = list((session.root.get(DEFERRED) or {}).items())
    listed = [(entry["module"], entry["version"]) for _, entry in entries]
    for (key, _), pending in zip(entries, steps_of(packages, listed), strict=True):
        step = pending.declared
        if step is None or not step.deferred:
            raise RefusedError(
                f"The step {pending} was left for the background, and now has no such"
                " part.",
                "Use the software that the database was evolved with.",
            )
        with failing(session, pending):
            _Background(session, pending, step, key, pause).run()
    result = "finished" if entries else "nothing to do"
    session.tell("end", result=result, seconds=round(time.monotonic() - began, 3))


class _Background:
    """One step that is done in the background."""

    def __init__(
        self,
        session: Session,
        pending: PendingStep,
        step: Step,
        key: str,
        pause: float,
    ) -> None:
        self.session = session
        self.pending = pending
        self.step = step
        self.key = key
        self.pause = pause
        self.size = min(step.batch, _BATCH)

    @property
    def entry(self) -> dict[str, Any]:
        """How far it has come, as the database knows."""
        return dict(self.session.root[DEFERRED][self.key])

    def run(self) -> None:
        """Do what is left of it, and verify."""
        named = self.pending.named()
        entry = self.entry
        source = walk(self.step.objects(self.session.root))
        if not source.ordered:
            raise StepError(
                f"The deferred step {self.pending} walks over no BTree.",
                "Let objects() return a BTree or a Walk over one: the site changes"
                " the order of anything else.",
            )
        total = source.total()
        resumed = entry["seen"] > 0
        self.session.tell("step_begin", **named, resumed=resumed, total=total)
        progress = Progress(
            self.session.tell, total, entry["seen"], phase="deferred", **named
        )
        while self._attempt(self._batch):
            self.size = min(self.size + _GROWTH, self.step.batch, _BATCH)
            progress.advance(self.entry["seen"])
            time.sleep(self.pause)
        progress.report()
        entry = self.entry
        self._sweep()
        self._attempt(self._finish)
        self._sweep()
        self._attempt(self._forget_entry)
        self.session.tell(
            "step_end",
            **named,
            seconds=progress.seconds,
            seen=entry["seen"],
            changed=entry["changed"],
        )
        self._verify()

    def _batch(self) -> bool:
        root = self.session.root
        entry = self.entry
        if entry.get("finished"):
            return False
        source = walk(self.step.objects(root))
        found = list(islice(source.after(entry["position"]), self.size))
        chosen = None
        if self.step.indexes:
            catalog = self.step.catalog(root)
            chosen = indexer(catalog, self.step.indexes, self.step.documents(root))
        for position, item in found:
            entry["position"] = position
            entry["seen"] += 1
            if changed(self.step, item):
                entry["changed"] += 1
                # If the site changes it meanwhile, the batch must not count.
                self.session.connection.readCurrent(item)
                if chosen is not None:
                    chosen.index(self.step.docid(item), item)
        root[DEFERRED][self.key] = entry
        return bool(found)

    def _finish(self) -> bool:
        root = self.session.root
        entry = self.entry
        if not entry.get("finished"):
            self.step.finish(root)
            root[DEFERRED][self.key] = {**entry, "finished": True}
        return True

    def _sweep(self) -> None:
        if not isinstance(self.step, Rebuild):
            return
        step = self.step
        self.session.begin()
        found = list(step.strangers(self.session.root))
        self.session.abort()

        def forget() -> bool:
            step.forget(self.session.root, found)
            return True

        if found:
            self._attempt(forget)

    def _forget_entry(self) -> bool:
        root = self.session.root
        del root[DEFERRED][self.key]
        if not root[DEFERRED]:
            del root[DEFERRED]
        return True

    def _verify(self) -> None:
        broken = list(self.step.invariants(self.session.root))
        self.session.abort()
        self.session.tell("verified", **self.pending.named(), broken=broken)
        if broken:
            raise BrokenError(f"In the background, {broken[0]}", "Correct the step.")

    def _attempt(self, work: Callable[[], bool]) -> bool:
        # The data may have changed since the last attempt: it begins from anew.
        for attempt in range(_ATTEMPTS):
            if self.session.stop.requested:
                raise stopped()
            self.session.begin()
            try:
                answer = work()
                self.session.commit(f"evolve {self.pending}: in the background")
            except ConflictError:
                self.session.abort()
                # A smaller batch meets fewer changes of the site.
                self.size = max(self.size // 2, 1)
                time.sleep(min(0.02 * 2**attempt, _WAIT))
            else:
                return answer
        raise UnfinishedError(
            "The site changes the same objects all the time.",
            "Run it again when there is less to do.",
        )
