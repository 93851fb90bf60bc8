"""One pass over the catalogs, for all steps that wait for it.

It comes after all changes, because what an index is told about one object may depend
on others; each document is loaded and reindexed once, however many steps changed it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ZODB.POSException import POSKeyError

from karl.recipe.evolve.running.changing import failing, stopped
from karl.recipe.evolve.running.events import Progress
from karl.recipe.evolve.running.packages import PendingStep
from karl.recipe.evolve.running.record import Run
from karl.recipe.evolve.running.session import Session
from karl.recipe.evolve.steps.catalogs import Indexer, indexer
from karl.recipe.evolve.steps.step import identity
from karl.recipe.evolve.steps.walking import Walk

#: Documents in a transaction.  Many of them change the same parts of an index, which
#: are stored once in a transaction.
_BATCH = 10_000

#: Bytes, as stored, by which what is loaded may grow in a transaction: what has
#: changed stays in memory until it is committed.
_BATCH_BYTES = 32 << 20

#: Documents after which what has not changed may leave memory.
_SWEEP = 500


def reindex_waiting(session: Session, steps: list[PendingStep]) -> None:
    """Reindex what the changed steps left, and record their versions.

    :param steps: the steps of the record, which know their catalogs.
    """
    run = Run(session.root)
    if not run.changed:
        return
    with failing(session, steps[-1]):
        for oid, waiting in list(run.waiting()):
            _Pass(session, steps, oid, waiting).run()
        run.conclude()
        session.commit(f"evolve: {', '.join(map(str, steps))}")


class _Pass:
    """The pass over one catalog."""

    def __init__(
        self, session: Session, steps: list[PendingStep], oid: bytes, waiting: Any
    ) -> None:
        self.session = session
        self.steps = steps
        self.oid = oid
        self.waiting = waiting
        self.stored = Run(session.root)
        self.at: dict[str, Any] = dict(
            self.stored.get("reindexed", {}).get(oid)
            or {"position": None, "done": 0, "skipped": 0, "indexes": {}}
        )
        self.before: Counter[str] = Counter(self.at["indexes"])
        self.indexers: dict[tuple[str, ...], Indexer] = {}
        self.catalog, self.documents = self._found()

    def run(self) -> None:
        """Reindex all that waits, from where it is."""
        source = Walk(self.waiting)
        total = source.total()
        tell = self.session.tell
        named = {"steps": [step.named() for step in self.steps]}
        resumed = self.at["done"] > 0
        tell("reindex_begin", **named, total=total, resumed=resumed)
        progress = Progress(tell, total, self.at["done"], phase="reindex")
        for _ in self._batches(source):
            progress.advance(self.at["done"])
        self._commit()
        progress.report()
        tell(
            "reindex_end",
            **named,
            seconds=progress.seconds,
            documents=self.at["done"] - self.at["skipped"],
            skipped=self.at["skipped"],
            indexes=self.at["indexes"],
        )

    def _batches(self, source: Walk) -> Iterator[None]:
        """Reindex, and yield every now and then."""
        began = self.session.loaded
        count = 0
        for docid, (oid, names) in source.after(self.at["position"]):
            self._reindex(docid, oid, names)
            count += 1
            if self.session.stop.requested:
                self._commit()
            if count % _SWEEP:
                continue
            self.session.connection.cacheGC()
            if count >= _BATCH or self.session.loaded - began > _BATCH_BYTES:
                self._commit()
                began = self.session.loaded
                count = 0
            yield

    def _reindex(self, docid: Any, oid: bytes, names: tuple[str, ...]) -> None:
        if names not in self.indexers:
            self.indexers[names] = indexer(self.catalog, names, self.documents)
        chosen = self.indexers[names]
        tool = hasattr(self.catalog, "catalog_object")
        try:
            item = chosen.resolve(docid) if tool else self.session.connection.get(oid)
            known = chosen.index(docid, item)
        except (POSKeyError, LookupError):
            if not self._gone(oid):
                raise
            known = False
        self.at["position"] = docid
        self.at["done"] += 1
        self.at["skipped"] += not known

    def _gone(self, oid: bytes) -> bool:
        try:
            self.session.connection.get(oid)
        except KeyError:
            return True
        return False

    def _commit(self) -> None:
        total = Counter(self.before)
        for chosen in self.indexers.values():
            total.update(chosen.counts)
        self.at["indexes"] = dict(sorted(total.items()))
        reindexed = self.stored.get("reindexed", {})
        self.stored.set(reindexed={**reindexed, self.oid: dict(self.at)})
        self.session.commit(f"evolve: {self.at['done']} documents reindexed")
        if self.session.stop.requested:
            raise stopped()

    def _found(self) -> tuple[Any, Any]:
        root = self.session.root
        for pending in self.steps:
            step = pending.declared
            if step is not None and step.indexes:
                catalog = step.catalog(root)
                if identity(catalog, self.session.connection) == self.oid:
                    return catalog, step.documents(root)
        return self.session.connection.get(self.oid), None
