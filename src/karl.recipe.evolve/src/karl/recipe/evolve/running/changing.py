"""Running one step: in batches if it is declared, as a whole if it is a function."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from karl.recipe.evolve.running.counting import remember_counts
from karl.recipe.evolve.running.errors import UnfinishedError, told
from karl.recipe.evolve.running.events import Progress
from karl.recipe.evolve.running.packages import PendingStep
from karl.recipe.evolve.running.record import DEFERRED, Run, set_version
from karl.recipe.evolve.running.session import Session
from karl.recipe.evolve.steps import EvolveError, Step, StepError
from karl.recipe.evolve.steps.catalogs import indexer
from karl.recipe.evolve.steps.step import changed, identity
from karl.recipe.evolve.steps.walking import walk


def run_step(session: Session, pending: PendingStep) -> None:
    """Run one step, or what is left of it.

    :raises StepError: it failed; what it had not committed is thrown away.
    :raises UnfinishedError: the process was asked to end.
    """
    with failing(session, pending):
        if pending.declared is None:
            _run_function(session, pending)
        elif pending.kind == "deferred":
            _defer(session, pending, pending.declared)
        else:
            _Change(session, pending, pending.declared).run()


@contextmanager
def failing(session: Session, pending: PendingStep) -> Iterator[None]:
    """Throw away what a failing step has not committed, and name the step."""
    try:
        yield
    except UnfinishedError:
        session.abort()
        raise
    except EvolveError as error:
        session.abort()
        kind = type(error)
        raise kind(f"The step {pending} failed: {error.message}", error.tip) from error
    except Exception as error:
        session.abort()
        raise StepError(
            f"The step {pending} ({pending.title}) failed: {told(error)}.",
            "Correct the step; what was committed before stays.",
        ) from error


def _run_function(session: Session, pending: PendingStep) -> None:
    # Asked to end before this line, it ends here; after it, there and then.
    session.stop.uninterruptible = True
    try:
        if session.stop.requested:
            raise stopped()
        session.tell("step_begin", **pending.named(), resumed=False, total=None)
        progress = Progress(session.tell, None)
        session.begin()
        pending.evolve(session.argument)
        set_version(session.root, pending.package.module, pending.version)
        session.commit(f"evolve {pending}")
    finally:
        session.stop.uninterruptible = False
    session.tell(
        "step_end", **pending.named(), seconds=progress.seconds, seen=None, changed=None
    )


def _defer(session: Session, pending: PendingStep, step: Step) -> None:
    # Only what must be there at cut-over; the walk is for the background.
    from BTrees.OOBTree import OOBTree

    session.tell("step_begin", **pending.named(), resumed=False, total=None)
    progress = Progress(session.tell, None)
    session.begin()
    step.prepare(session.root)
    if step.indexes:
        indexer(step.catalog(session.root), step.indexes)
    if DEFERRED not in session.root:
        session.root[DEFERRED] = OOBTree()
    key = f"{pending.package.module} {pending.version}"
    session.root[DEFERRED][key] = {
        "module": pending.package.module,
        "version": pending.version,
        "position": None,
        "seen": 0,
        "changed": 0,
    }
    _mark_changed(Run(session.root), pending)
    session.commit(f"evolve {pending}: deferred")
    session.tell(
        "step_end", **pending.named(), seconds=progress.seconds, seen=None, changed=None
    )


def _mark_changed(run: Run, pending: PendingStep) -> None:
    # Its version counts as soon as nothing that it wants reindexed is left.
    run.set(
        step=None, changed=[*run.changed, (pending.package.module, pending.version)]
    )
    if run.empty:
        run.conclude()


class _Change:
    """The walk of one declared step, each batch committed with its position."""

    def __init__(self, session: Session, pending: PendingStep, step: Step) -> None:
        self.session = session
        self.pending = pending
        self.step = step
        self.stored = Run(session.root)
        module, version = pending.package.module, pending.version
        self.resumed = self.stored.position_of(module, version)
        self.at: dict[str, Any] = self.resumed or {
            "module": module,
            "version": version,
            "position": None,
            "seen": 0,
            "changed": 0,
        }
        self.catalog: bytes = b""

    def run(self) -> None:
        """Go on where it is, to the end."""
        self.session.begin()
        if self.resumed is None:
            self._prepare()
        root = self.session.root
        if self.step.indexes:
            self.catalog = identity(self.step.catalog(root), self.session.connection)
        source = walk(self.step.objects(root))
        total = source.total()
        named = self.pending.named()
        resumed = self.resumed is not None
        self.session.tell("step_begin", **named, resumed=resumed, total=total)
        progress = Progress(
            self.session.tell, total, self.at["seen"], phase="change", **named
        )
        for _ in self._batches(source):
            progress.advance(self.at["seen"])
        self.step.finish(root)
        _mark_changed(self.stored, self.pending)
        self.session.commit(f"evolve {self.pending}")
        progress.report()
        self.session.tell(
            "step_end",
            **named,
            seconds=progress.seconds,
            seen=self.at["seen"],
            changed=self.at["changed"],
        )

    def _prepare(self) -> None:
        root = self.session.root
        remember_counts(self.session, self.step)
        self.step.prepare(root)
        if self.step.indexes:
            # Unknown names are found before anything is committed.
            indexer(self.step.catalog(root), self.step.indexes)
        self.stored.set(step=self.at)
        self.session.commit(f"evolve {self.pending}: begins")

    def _batches(self, source: Any) -> Iterator[None]:
        began = self.session.loaded
        count = 0
        for position, item in source.after(self.at["position"]):
            self._change(position, item)
            count += 1
            large = self.session.loaded - began > self.step.batch_bytes
            if count >= self.step.batch or large or self.session.stop.requested:
                self._commit()
                yield
                began = self.session.loaded
                count = 0

    def _change(self, position: Any, item: Any) -> None:
        self.at["position"] = position
        self.at["seen"] += 1
        if not changed(self.step, item):
            return
        self.at["changed"] += 1
        if self.step.indexes:
            oid = identity(item, self.session.connection)
            docid = self.step.docid(item)
            self.stored.enqueue(self.catalog, docid, oid, self.step.indexes)

    def _commit(self) -> None:
        self.stored.set(step=dict(self.at))
        self.session.commit(f"evolve {self.pending}: {self.at['seen']} objects")
        if self.session.stop.requested:
            raise stopped()


def stopped() -> UnfinishedError:
    """Return the error of a process that was asked to end."""
    return UnfinishedError(
        "Stopped, as asked; what was done is kept.", "Run it again to go on."
    )
