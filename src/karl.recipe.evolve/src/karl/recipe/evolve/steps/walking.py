"""Walks over many objects, of which only a few are in memory at a time.

A walk knows where it is: its position can be stored, and a later walk goes on after
it.  A BTree is walked by ranges of keys, so its position is a key and the tree may
change meanwhile.  Anything else is walked in its own order, and its position is how
many objects were walked; the order must then stay the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

#: Keys of a tree that are read at once.
_KEYS = 500

#: Objects after which the cache is brought back to its size.
_SWEEP = 1000


class Walk:
    """A walk over *source*.

    :param source: a BTree, a tree set, or any iterable.
    :param load: for a BTree: makes the object of a key and its value; without it the
        object is the value (of a set: the key).

    >>> Walk(documents, lambda docid, path: find(site, path))  # doctest: +SKIP
    """

    def __init__(
        self, source: Any, load: Callable[[Any, Any], Any] | None = None
    ) -> None:
        self.source = source
        self.load = load
        self.ordered = hasattr(source, "minKey")

    def after(self, position: Any = None) -> Iterator[tuple[Any, Any]]:
        """Yield the position and the object of all that comes after *position*."""
        if self.ordered:
            yield from self._by_key(position)
        else:
            done = position or 0
            yield from enumerate(islice(self.source, done, None), done + 1)

    def total(self) -> int | None:
        """How many objects there are, if that can be known without loading them."""
        if self.ordered:
            return _length(self.source)
        try:
            return len(self.source)
        except TypeError:
            return None

    def _by_key(self, after: Any) -> Iterator[tuple[Any, Any]]:
        while True:
            found = self.source.keys(after, None, after is not None)
            keys = list(islice(found, _KEYS))
            for key in keys:
                if key in self.source:  # a change before it may have removed it
                    yield key, self._object(key)
            if len(keys) < _KEYS:
                return
            after = keys[-1]

    def _object(self, key: Any) -> Any:
        value = self.source[key] if hasattr(self.source, "values") else key
        return value if self.load is None else self.load(key, value)


def walk(source: Any) -> Walk:
    """Return *source* if it is a walk, else a walk over it."""
    return source if isinstance(source, Walk) else Walk(source)


def scan(source: Any, load: Callable[[Any, Any], Any] | None = None) -> Iterator[Any]:
    """Yield every object of *source* with bounded memory, for reading.

    Invariants, and steps that only look, use it: without it every object stays in
    memory until the transaction ends.

    :param source: a BTree, a tree set, a walk, or any iterable.
    :param load: as in :class:`Walk`.
    """
    items = Walk(source, load) if load else walk(source)
    for number, (_, item) in enumerate(items.after(), 1):
        yield item
        if number % _SWEEP == 0:
            _sweep(item)


def _length(tree: Any) -> int:
    # len(tree) would load the whole of it, and a ghost of every object in it.
    count = 0
    connection = getattr(tree, "_p_jar", None)
    for count, _ in enumerate(tree.keys(), 1):
        if connection is not None and count % _SWEEP == 0:
            connection.cacheMinimize()
    return count


def _sweep(item: Any) -> None:
    connection = getattr(item, "_p_jar", None)
    if connection is not None:
        connection.cacheGC()


def batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield the *items* in lists of *size*."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch
