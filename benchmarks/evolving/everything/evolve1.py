"""Give the websites their scheme, and reindex the documents in all indexes."""

from __future__ import annotations

from targeted.evolve1 import Websites


class Everything(Websites):
    """Give the websites their scheme, and bring all indexes up to date."""

    indexes = (
        "country", "kind", "recency", "tags", "text", "title", "website", "within",
    )  # fmt: skip


evolve = Everything()
