"""What a database remembers: its versions, and how far an unfinished run has come.

The versions are in repoze.evolution's record.  What is unfinished is in a record of our
own, made of nothing but dictionaries, lists and BTrees, so that any software can load
it.  It is gone when all is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from BTrees.OOBTree import OOBTree

#: repoze.evolution's record.
VERSIONS = "repoze.evolution"

#: The record of a run that is not finished.
RUN = "karl.recipe.evolve"

#: The record of work that is left for the background.
DEFERRED = "karl.recipe.evolve.deferred"


def versions(root: Mapping[str, Any]) -> dict[str, int]:
    """Return the recorded version of every package; only reads."""
    return dict(root.get(VERSIONS, {}))


def set_version(root: Any, module: str, version: int) -> None:
    """Record a version, as repoze.evolution does."""
    recorded = root.get(VERSIONS, {})
    if isinstance(recorded, dict):
        root[VERSIONS] = {**recorded, module: version}
    else:
        recorded[module] = version


class Run:
    """How far a run has come.

    :param root: the database's root.
    """

    def __init__(self, root: Any) -> None:
        self.root = root

    @property
    def _stored(self) -> Any:
        return self.root.get(RUN)

    @property
    def exists(self) -> bool:
        """Whether a run is unfinished."""
        return self._stored is not None

    def get(self, name: str, default: Any = None) -> Any:
        """Return one thing that is remembered."""
        stored = self._stored
        return default if stored is None else stored.get(name, default)

    def set(self, **values: Any) -> None:
        """Remember these things; None forgets one."""
        if not self.exists:
            self.root[RUN] = OOBTree()
        stored = self._stored
        for name, value in values.items():
            if value is not None:
                stored[name] = value
            elif name in stored:
                del stored[name]

    def remove(self) -> None:
        """Forget it all: the run is finished."""
        if self.exists:
            del self.root[RUN]

    # Steps whose change is done, and whose reindexing is not: [module, version].

    @property
    def changed(self) -> list[tuple[str, int]]:
        """Steps whose objects are changed, but not yet reindexed."""
        return list(self.get("changed", ()))

    @property
    def done(self) -> list[tuple[str, int]]:
        """Declared steps that are done, but not yet verified."""
        return list(self.get("done", ()))

    def position_of(self, module: str, version: int) -> dict[str, Any] | None:
        """Return how far a step has come, if it had begun."""
        current = self.get("step")
        if current and (current["module"], current["version"]) == (module, version):
            return dict(current)
        return None

    # The documents that wait to be reindexed, by the oid of their catalog.

    def enqueue(
        self, catalog: bytes, docid: Any, oid: bytes, indexes: tuple[str, ...]
    ) -> None:
        """Remember to reindex a document in some indexes, once."""
        if self.get("queue") is None:
            self.set(queue=OOBTree())
        queue = self.get("queue")
        waiting = queue.get(catalog)
        if waiting is None:
            waiting = queue[catalog] = OOBTree()
        _, names = waiting.get(docid, (oid, ()))
        merged = tuple(dict.fromkeys((*names, *indexes)))
        if merged != names:
            waiting[docid] = (oid, merged)

    def waiting(self) -> Iterator[tuple[bytes, Any]]:
        """Yield each catalog's oid, and what waits to be reindexed in it."""
        yield from (self.get("queue") or {}).items()

    @property
    def empty(self) -> bool:
        """Whether no document waits to be reindexed."""
        return not self.get("queue")

    def conclude(self) -> None:
        """Record the versions of the steps that are changed and reindexed."""
        for module, version in self.changed:
            set_version(self.root, module, version)
        self.set(
            done=[*self.done, *self.changed],
            changed=None,
            queue=None,
            reindexed=None,
            step=None,
        )


def version_of(root: Any, module: str, initial: int) -> int:
    """Return how far the changes of a package have come, reindexed or not."""
    recorded = versions(root).get(module, initial)
    return max([recorded, *(v for m, v in Run(root).changed if m == module)])
