"""The communities, and each of them."""

from __future__ import annotations

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.traversal import resource_path
from pyramid.view import view_config
from repoze.catalog.query import Any as AnyOf
from repoze.catalog.query import Eq

from karl.intranet import forms
from karl.intranet.catalog import find
from karl.intranet.content import Communities, Community, site_of
from karl.intranet.events import add_content
from karl.intranet.html import h, link
from karl.intranet.page import Page
from karl.intranet.views.lists import batches, cards, listing, start_of

FIELDS = (
    forms.Field("title", "Name", required=True),
    forms.Field("description", "What it is for", "area", longest=2000),
)


@view_config(context=Communities, renderer="page")
def communities(context: Communities, request: Request) -> Page:
    """All communities."""
    batch = find(
        site_of(context),
        Eq("kind", "community"),
        start=start_of(request),
        size=request.site_settings.page_size,
    )
    return Page(
        context.title,
        [cards(request, batch), batches(request, batch)],
        actions=[(request.resource_path(context, "@@add"), "New community")],
    )


@view_config(context=Community, renderer="page")
def community(context: Community, request: Request) -> Page:
    """What a community is for, and what is new in it."""
    recent = find(
        site_of(context),
        AnyOf("kind", ["page", "file"]) & Eq("within", resource_path(context)),
        sort="recency",
        size=10,
    )
    wiki, files = context["wiki"], context["files"]
    return Page(
        context.title,
        [
            h("p", context.description) if context.description else None,
            h(
                "p",
                link(request.resource_path(wiki), f"{len(wiki)} wiki pages"),
                " · ",
                link(request.resource_path(files), f"{len(files)} files"),
                class_="meta",
            ),
            h("h2", "Recent changes"),
            listing(request, recent, show_kind=True),
        ],
        actions=[
            (request.resource_path(wiki, "@@add"), "New page"),
            (request.resource_path(files, "@@add"), "Upload a file"),
        ],
    )


@view_config(context=Communities, name="add", renderer="page")
def add_community(context: Communities, request: Request) -> Page | Response:
    """The form for a new community."""
    form = forms.Form(request, FIELDS)
    if form.accepted:
        new = Community(form["title"], form["description"])
        add_content(context, new, request)
        return HTTPSeeOther(request.resource_url(new))
    return form.page("New community", "Create", cancel=context)
