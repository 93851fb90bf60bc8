"""``python -m documents FILE CATALOG COUNT WORDS SCHEMES`` writes a database."""

from __future__ import annotations

import sys
from typing import Any

import transaction
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage

from documents import CATALOGS, Document, Site

_BATCH = 20_000

#: Bytes as stored; with too little room, indexes are read again and again.
_CACHE = 256 << 20


def main(path: str, catalog: str, *counts: str) -> None:
    """Write a database of documents that are all in the catalog."""
    count, words, schemes = map(int, counts)
    db = DB(FileStorage(path), cache_size=10**6, cache_size_bytes=_CACHE)
    connection = db.open()
    site = connection.root()["site"] = Site(CATALOGS[catalog]())
    for number in range(1, count + 1):
        _add(site, Document(number, words, schemes))
        if number % _BATCH == 0:
            transaction.commit()
            connection.cacheGC()
    transaction.commit()
    connection.close()
    db.close()


def _add(site: Site, document: Any) -> None:
    site.documents[document.docid] = document
    site.catalog.index_doc(document.docid, document)


if __name__ == "__main__":
    main(*sys.argv[1:])
