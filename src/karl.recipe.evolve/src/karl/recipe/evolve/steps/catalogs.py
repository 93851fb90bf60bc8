"""Reindexing some documents in some indexes, and nothing else.

Three kinds of catalog are known by what they can do: repoze.catalog's and hypatia's,
which map names to indexes, and ZCatalog's tool, which is given the names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from karl.recipe.evolve.steps.errors import StepError, UnknownIndexError
from karl.recipe.evolve.steps.walking import batches

#: Where the indexes of repoze.catalog and hypatia keep their docids.
_KEPT_IN = ("_not_indexed", "_rev_index", "_unindex", "docid_to_path")

#: Documents between two savepoints.
_BATCH = 1000


def shadow_name(index: str) -> str:
    """Return the name under which a new *index* grows beside the one in use."""
    return f"{index} (being rebuilt)"


@dataclass(frozen=True)
class Reindexed:
    """What a reindexing did.

    :param indexes: the documents that each index was brought up to date with.
    :param skipped: the docids that the catalog does not know.
    """

    indexes: dict[str, int]
    skipped: int = 0


class Indexer(Protocol):
    """Brings some indexes of one catalog up to date with documents."""

    #: How many documents each index was given.
    counts: Counter[str]

    def index(self, docid: Any, item: Any) -> bool:
        """Enter one document; False if the catalog does not know it."""

    def resolve(self, docid: Any) -> Any:
        """Return the object of *docid*."""


def reindex(
    catalog: Any,
    docids: Iterable[Any],
    indexes: Iterable[str],
    *,
    resolve: Callable[[Any], Any] | None = None,
) -> Reindexed:
    """Bring only the named *indexes* of *catalog* up to date with some documents.

    Other indexes, events and metadata are left alone.  Documents that the catalog
    does not know are counted, not added.  Memory stays bounded; nothing is committed.

    :param docids: docids (a ZCatalog's: paths), or pairs of docid and object.
    :param indexes: names of indexes, at least one.
    :param resolve: the object of a docid; a ZCatalog does that itself.
    :raises UnknownIndexError: before anything is changed.
    """
    chosen = indexer(catalog, indexes)
    resolve = resolve or chosen.resolve
    connection = catalog._p_jar  # noqa: SLF001 - persistent's own interface
    skipped = 0
    for batch in batches(docids, _BATCH):
        for entry in batch:
            docid, item = entry if isinstance(entry, tuple) else (entry, resolve(entry))
            skipped += not chosen.index(docid, item)
        if connection is not None:
            connection.transaction_manager.savepoint(optimistic=True)
            connection.cacheGC()
    return Reindexed(dict(chosen.counts), skipped)


def indexer(catalog: Any, indexes: Iterable[str], documents: Any = None) -> Indexer:
    """Return what reindexes in the named *indexes* of *catalog*.

    :param documents: a container of the docids that there are; without it a document
        is known if any index knows it.
    :raises UnknownIndexError: the catalog does not have one of them.
    """
    if isinstance(indexes, str):
        raise StepError(
            f"The indexes are given as the text {indexes!r}.",
            f"Write a list of names, as in [{indexes!r}].",
        )
    names = tuple(dict.fromkeys(indexes))
    if not names:
        raise StepError("No index is named.", "Name those that the change touches.")
    known = index_names(catalog)
    if unknown := [name for name in names if name not in known]:
        raise UnknownIndexError(
            f"The catalog has no index {', '.join(unknown)}.",
            f"It has {', '.join(sorted(known)) or 'none'}.",
        )
    if hasattr(catalog, "catalog_object"):
        return _ToolIndexer(catalog, names)
    return _MappingIndexer(catalog, names, documents)


def index_names(catalog: Any) -> frozenset[str]:
    """Return the names of all indexes of *catalog*."""
    if hasattr(catalog, "catalog_object"):
        return frozenset(catalog.indexes())
    return frozenset(catalog.keys())


class _MappingIndexer:
    """For repoze.catalog and hypatia, whose indexes reindex by themselves."""

    def __init__(self, catalog: Any, names: tuple[str, ...], documents: Any) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys(names, 0))
        self.catalog = catalog
        self.names = names
        self.documents = documents
        # An index that is being rebuilt beside one of them is kept up to date too.
        shadows = [shadow_name(name) for name in names if shadow_name(name) in catalog]
        self.shadows = [catalog[name] for name in shadows]
        self.indexes = {name: catalog[name] for name in names}
        self.seen = [Docids(index) for index in self.indexes.values()]

    def index(self, docid: Any, item: Any) -> bool:
        if not self._knows(docid):
            return False
        for name, index in self.indexes.items():
            index.reindex_doc(docid, item)
            self.counts[name] += 1
        for shadow in self.shadows:
            shadow.reindex_doc(docid, item)
        return True

    def _knows(self, docid: Any) -> bool:
        if self.documents is not None:
            return docid in self.documents
        return any(docid in seen for seen in self.seen) or knows(
            self.catalog, docid, never=self.names
        )

    def resolve(self, docid: Any) -> Any:
        raise StepError(
            f"Nothing says which object has the docid {docid!r}.",
            "Give reindex() pairs of docid and object, or resolve=.",
        )


class _ToolIndexer:
    """For ZCatalog, which would reindex everything if it were given no names."""

    def __init__(self, catalog: Any, names: tuple[str, ...]) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys(names, 0))
        self.catalog = catalog
        self.names = names

    def index(self, docid: Any, item: Any) -> bool:
        # It would add a document that it does not know, with metadata.
        if self.catalog.getrid(docid) is None:
            return False
        self.catalog.catalog_object(
            item, docid, idxs=list(self.names), update_metadata=0
        )
        self.counts.update(self.names)
        return True

    def resolve(self, docid: Any) -> Any:
        return self.catalog.resolve_path(docid)


def knows(catalog: Any, docid: Any, *, never: Iterable[str] = ()) -> bool:
    """Whether any index of *catalog* has *docid*.

    :param never: the indexes not to ask.
    """
    return any(docid in Docids(catalog[name]) for name in catalog if name not in never)


class Docids:
    """The docids that *index* has seen, with a value for it or without."""

    def __init__(self, index: Any) -> None:
        self.index = index
        owners = [(index, name) for name in _KEPT_IN]
        owners.append((getattr(index, "index", None), "_docwords"))  # a text index
        found = [getattr(owner, name, None) for owner, name in owners]
        self.parts = [part for part in found if part is not None]

    def __contains__(self, docid: object) -> bool:
        if self.parts:
            return any(docid in part for part in self.parts)
        return docid in self.index.docids()

    def __iter__(self) -> Iterator[Any]:
        for part in self.parts or [self.index.docids()]:
            yield from part

    def count(self) -> int | None:
        """How many there are, if the index can tell without loading them all."""
        silent = getattr(self.index, "_not_indexed", ())
        for name in ("indexed_count", "documentCount", "numObjects"):
            method = getattr(self.index, name, None)
            if method is not None:
                return int(method()) + len(silent)
        return None


def counts(catalog: Any) -> dict[str, int | None]:
    """Return how many documents each index of *catalog* has seen."""
    if hasattr(catalog, "catalog_object"):
        return dict.fromkeys(catalog.indexes())
    return {name: Docids(catalog[name]).count() for name in catalog}
