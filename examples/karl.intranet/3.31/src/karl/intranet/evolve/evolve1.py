"""Give the websites in profiles their scheme."""

from __future__ import annotations

from typing import Any

from karl.intranet.content import site_of
from karl.intranet.websites import with_scheme


def evolve(root: Any) -> None:
    """Make ``example.com`` ``https://example.com`` in every profile.

    Only the catalog index ``website`` has anything to do with it, so it is the only
    one that is updated. Evolving twice is the same as evolving once.
    """
    site = site_of(root)
    index = site.catalog["website"]
    for profile in site["people"].values():
        website = with_scheme(profile.website)
        if website != profile.website:
            profile.website = website
            index.reindex_doc(profile.docid, profile)
