"""Give the websites their scheme: each document is modified, so it is reindexed."""

from __future__ import annotations

from typing import Any


def evolve(root: Any) -> None:
    """Give the websites their scheme."""
    site = root["site"]
    for document in site.documents.values():
        if "://" not in document.website:
            document.website = f"https://{document.website}"
            modified(site, document)


def modified(site: Any, document: Any) -> None:
    """Do what a site does when it is told that a document was modified."""
    site.catalog.reindex_doc(document.docid, document)
