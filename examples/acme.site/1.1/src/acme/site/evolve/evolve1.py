"""Classify the communities that were there before classifications were."""

from __future__ import annotations

from typing import Any

from acme.site.classification import DEFAULT
from karl.intranet.content import site_of


def evolve(root: Any) -> None:
    """Make every community that has no classification an internal one.

    No catalog index knows classifications, so none is updated.
    """
    for community in site_of(root)["communities"].values():
        if not hasattr(community, "acme_classification"):
            community.acme_classification = DEFAULT
