"""Documents and their catalog, as a site has them; with either catalog."""

from __future__ import annotations

import random
from typing import Any

from BTrees.IOBTree import IOBTree
from persistent import Persistent

#: What the documents' text is made of.
_VOCABULARY = [
    "".join(random.Random(number).choices("abcdefghijklmnoprstuvwz", k=4 + number % 7))
    for number in range(5000)
]
_KINDS = ("page", "file", "person", "community")
_COUNTRIES = ("de", "fr", "it", "pl", "us", "ke", "br", "in", "jp", "nz")


class Document(Persistent):
    """A document.

    :param words: of its text.
    :param schemes: of how many documents one lacks the scheme of its website.
    """

    def __init__(self, number: int, words: int, schemes: int) -> None:
        chance = random.Random(number)
        self.docid = number
        self.kind = _KINDS[number % 4]
        self.title = f"Document {number}"
        self.sort_title = self.title.casefold()
        # As words are in languages: few of them often.
        self.text = " ".join(
            _VOCABULARY[int(len(_VOCABULARY) * chance.random() ** 3)]
            for _ in range(words)
        )
        self.recency = -chance.randrange(10**8)
        self.within = ["/", "/communities", f"/communities/c{number // 60}"]
        self.tags = chance.sample(_VOCABULARY[:50], 2)
        self.country = chance.choice(_COUNTRIES)
        scheme = "https://" if number % schemes else ""
        self.website = f"{scheme}www.company{number // schemes % 5000}.example"


class Site(Persistent):
    """All documents by docid, and the catalog of them."""

    def __init__(self, catalog: Any) -> None:
        self.documents = IOBTree()
        self.catalog = catalog


def repoze_catalog() -> Any:
    """Return a catalog of repoze.catalog, with the indexes of the sample product."""
    from repoze.catalog.catalog import Catalog
    from repoze.catalog.indexes.field import CatalogFieldIndex
    from repoze.catalog.indexes.keyword import CatalogKeywordIndex
    from repoze.catalog.indexes.text import CatalogTextIndex

    return _filled(Catalog(), CatalogTextIndex, CatalogFieldIndex, CatalogKeywordIndex)


def hypatia_catalog() -> Any:
    """Return the same of hypatia."""
    from hypatia.catalog import Catalog
    from hypatia.field import FieldIndex
    from hypatia.keyword import KeywordIndex
    from hypatia.text import TextIndex

    return _filled(Catalog(), TextIndex, FieldIndex, KeywordIndex)


def field_catalog() -> Any:
    """Return a catalog of repoze.catalog with one index."""
    from repoze.catalog.catalog import Catalog
    from repoze.catalog.indexes.field import CatalogFieldIndex

    catalog = Catalog()
    catalog["website"] = CatalogFieldIndex("website")
    return catalog


CATALOGS = {
    "repoze.catalog": repoze_catalog,
    "hypatia": hypatia_catalog,
    "one index": field_catalog,
}


def _filled(catalog: Any, text: Any, field: Any, keyword: Any) -> Any:
    catalog["text"] = text("text")
    for name in ("kind", "recency", "country", "website"):
        catalog[name] = field(name)
    catalog["title"] = field("sort_title")
    for name in ("within", "tags"):
        catalog[name] = keyword(name)
    return catalog
