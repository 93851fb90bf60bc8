"""The first page."""

from __future__ import annotations

from pyramid.request import Request
from pyramid.view import view_config
from repoze.catalog.query import Any as AnyOf

from karl.intranet.catalog import find
from karl.intranet.content import Site
from karl.intranet.html import h, link
from karl.intranet.page import Page
from karl.intranet.views.lists import KINDS, cards, listing


@view_config(route_name="home", context=Site, renderer="page")
def home(context: Site, request: Request) -> Page:
    """What is new, and where to go."""
    recent = find(
        context, AnyOf("kind", list(KINDS)), sort="modified", reverse=True, size=8
    )
    communities, people = context["communities"], context["people"]
    latest = find(
        context, AnyOf("kind", ["community"]), sort="modified", reverse=True, size=6
    )
    return Page(
        f"Welcome to {request.site_settings.title}",
        [
            h(
                "p",
                link(
                    request.resource_path(communities), f"{len(communities)} communities"
                ),
                " and ",
                link(request.resource_path(people), f"{len(people)} people"),
                f" with {len(context.documents.docid_to_address)} documents.",
                class_="meta",
            ),
            h("h2", "Communities"),
            cards(request, latest),
            h("h2", "Recent changes"),
            listing(request, recent, show_kind=True),
        ],
        kind="home",
    )
