"""The catalog: which indexes there are, what goes into each, and queries.

The functions that compute an index's value are stored in the database by their
names, so they must stay importable from here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from pyramid.location import lineage
from pyramid.traversal import find_resource, find_root, resource_path
from repoze.catalog.catalog import Catalog
from repoze.catalog.indexes.field import FWSCAN, CatalogFieldIndex
from repoze.catalog.indexes.keyword import CatalogKeywordIndex
from repoze.catalog.indexes.text import CatalogTextIndex
from repoze.catalog.query import Contains, Query
from zope.index.text.parsetree import ParseError

if TYPE_CHECKING:
    from karl.intranet.content import Content, Site


def searchable_text(content: Any, default: Any) -> Any:
    """Every word that a search should find this content by."""
    fields = ("title", "description", "text", "biography", "position", "filename")
    words = [getattr(content, field, "") for field in fields]
    words.extend(getattr(content, "tags", ()))
    return "\n".join(filter(None, words)) or default


def containers(content: Any, default: Any) -> Any:  # noqa: ARG001 - index protocol
    """The paths of everything that this content is inside of."""
    return [resource_path(location) for location in lineage(content)][1:]


def tags(content: Any, default: Any) -> Any:
    """The content's tags, if it has any."""
    return list(getattr(content, "tags", ())) or default


def country(content: Any, default: Any) -> Any:
    """The country of a person who gave one."""
    return getattr(content, "country", "") or default


def website(content: Any, default: Any) -> Any:
    """The website of a person who gave one, exactly as it is stored."""
    return getattr(content, "website", "") or default


def recency(content: Any, default: Any) -> Any:  # noqa: ARG001 - index protocol
    """The time of the last change, negative: in order, the newest comes first."""
    return -int(content.modified.timestamp())


def new_catalog() -> Catalog:
    """An empty catalog with every index of this product."""
    catalog = Catalog()
    catalog["text"] = CatalogTextIndex(searchable_text)
    catalog["kind"] = CatalogFieldIndex("kind")
    catalog["title"] = CatalogFieldIndex("sort_title")
    catalog["recency"] = CatalogFieldIndex(recency)
    catalog["within"] = CatalogKeywordIndex(containers)
    catalog["tags"] = CatalogKeywordIndex(tags)
    catalog["country"] = CatalogFieldIndex(country)
    catalog["website"] = CatalogFieldIndex(website)
    return catalog


def index(content: Content) -> None:
    """Enter content that has just been added to the site."""
    site = find_root(content)
    content.docid = site.documents.add(resource_path(content))
    site.catalog.index_doc(content.docid, content)


def reindex(content: Content) -> None:
    """Bring every index up to date with content that has changed."""
    find_root(content).catalog.reindex_doc(content.docid, content)


def says(entered: str) -> Query | None:
    """The query for content with all words in ``entered``, if there are any.

    The words are quoted, so that none of them is taken for an operator.
    """
    words = re.findall(r"\w+", entered)
    return Contains("text", " ".join(f'"{word}"' for word in words)) if words else None


@dataclass(frozen=True)
class Batch:
    """One screenful of the results of a query."""

    items: list[Any]
    total: int
    start: int
    size: int

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)

    @property
    def previous(self) -> int | None:
        """Where the batch before this one starts."""
        return max(0, self.start - self.size) if self.start else None

    @property
    def next(self) -> int | None:
        """Where the batch after this one starts."""
        following = self.start + self.size
        return following if following < self.total else None


def count(site: Site) -> int:
    """How many documents there are."""
    total: int = site.catalog["kind"].documentCount()
    return total


def newest(site: Site, size: int) -> list[Any]:
    """The content that was changed last, found without looking at all the rest."""
    documents = site.documents.docid_to_address
    docids = site.catalog["recency"].sort(documents, limit=size, sort_type=FWSCAN)
    return [find_resource(site, documents[docid]) for docid in docids]


def find(
    site: Site,
    query: Query,
    *,
    sort: str = "title",
    start: int = 0,
    size: int = 20,
) -> Batch:
    """The content that ``query`` finds, from ``start``, at most ``size`` of it."""
    try:
        result, docids = site.catalog.query(query, sort_index=sort, limit=start + size)
    except ParseError:
        # Only words as common as "the", which are not indexed.
        return Batch([], 0, start, size)
    address = site.documents.address_for_docid
    items = [
        find_resource(site, address(docid))
        for docid in islice(docids, start, start + size)
    ]
    return Batch(items, result.total, start, size)
