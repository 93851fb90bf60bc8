"""Websites in profiles become whole addresses; every profile that changes is modified.

It is what steps of products often look like: one transaction, and for each object the
event that an editor's change would cause.  So all indexes are brought up to date where
one has to be, the text of all these profiles is indexed again, and a visitor sees them
all as just modified.
"""

from __future__ import annotations

from typing import Any

from karl.intranet.content import site_of
from karl.intranet.events import content_changed
from karl.intranet.websites import with_scheme


def evolve(root: Any) -> None:
    """Change every profile whose website has no scheme."""
    for profile in site_of(root)["people"].values():
        website = with_scheme(profile.website)
        if website != profile.website:
            profile.website = website
            content_changed(profile)
