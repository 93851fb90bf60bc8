"""The first page."""

from __future__ import annotations

from pyramid.request import Request
from pyramid.view import view_config
from repoze.catalog.query import Eq

from karl.intranet.catalog import count, find, newest
from karl.intranet.content import Site
from karl.intranet.html import h, link
from karl.intranet.page import Page
from karl.intranet.views.lists import cards, listing


@view_config(route_name="home", context=Site, renderer="page")
def home(context: Site, request: Request) -> Page:
    """What is new, and where to go."""
    communities, people = context["communities"], context["people"]
    latest = find(context, Eq("kind", "community"), sort="recency", size=6)
    return Page(
        f"Welcome to {request.site_settings.title}",
        [
            h(
                "p",
                link(
                    request.resource_path(communities),
                    f"{len(communities)} communities",
                ),
                " and ",
                link(request.resource_path(people), f"{len(people)} people"),
                f" with {count(context)} documents.",
                class_="meta",
            ),
            h("h2", "Communities"),
            cards(request, latest),
            h("h2", "Recent changes"),
            listing(request, newest(context, 8), show_kind=True),
        ],
        kind="home",
    )
