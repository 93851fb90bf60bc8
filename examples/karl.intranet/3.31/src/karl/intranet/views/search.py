"""Search."""

from __future__ import annotations

from pyramid.request import Request
from pyramid.view import view_config
from repoze.catalog.query import Any as AnyOf
from repoze.catalog.query import Eq

from karl.intranet import forms
from karl.intranet.catalog import find, says
from karl.intranet.content import Site
from karl.intranet.html import Node, h
from karl.intranet.page import Page
from karl.intranet.views.lists import KINDS, batches, listing, start_of


@view_config(route_name="search", context=Site, renderer="page")
def search(context: Site, request: Request) -> Page:
    """Content with all the words that were entered, or with a tag."""
    words, kind, tag = (request.GET.get(name, "") for name in ("q", "kind", "tag"))
    return Page(
        "Search",
        [_form(words, kind, request), _found(context, request, words, kind, tag)],
        kind="search",
    )


def _form(words: str, kind: str, request: Request) -> Node:
    return h(
        "form",
        h("input", type="search", name="q", value=words, aria_label="Words"),
        forms.select(KINDS, kind, empty="Everything", name="kind", aria_label="Kind"),
        h("button", "Search", type="submit"),
        action=request.path,
        class_="filter",
    )


def _found(context: Site, request: Request, words: str, kind: str, tag: str) -> Node:
    said = says(words)
    if not (said or tag):
        return h("p", "Enter some words to look for.", class_="meta")
    query = AnyOf("kind", [kind] if kind in KINDS else list(KINDS))
    if tag:
        query &= Eq("tags", tag)
    if said:
        query &= said
    batch = find(
        context,
        query,
        sort="text" if said else "title",  # by relevance
        start=start_of(request),
        size=request.site_settings.page_size,
    )
    if not batch.items:
        return h("p", "Nothing found.", class_="empty")
    tagged = f" tagged {tag}" if tag else ""
    return [
        h("p", f"{batch.total} found{tagged}", class_="meta"),
        listing(request, batch, show_kind=True),
        batches(request, batch),
    ]
