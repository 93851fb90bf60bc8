"""The pages of a wiki: reading, writing, and links between them."""

from __future__ import annotations

from lxml import etree
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.traversal import resource_path
from pyramid.url import urlencode
from pyramid.view import view_config
from repoze.catalog.query import Eq

from karl.intranet import forms, wikitext
from karl.intranet.catalog import find
from karl.intranet.content import Wiki, WikiPage, site_of
from karl.intranet.events import add_content, content_changed
from karl.intranet.html import day, h, link
from karl.intranet.names import name_for
from karl.intranet.page import Page
from karl.intranet.views.lists import batches, listing, start_of

FIELDS = (
    forms.Field("title", "Title", required=True),
    forms.Field(
        "text",
        "Text",
        "area",
        longest=200_000,
        hint="== Heading, * list item, **strong**, [[Title of another page]]",
    ),
    forms.Field("tags", "Tags", hint="Words with commas between them"),
)


@view_config(context=Wiki, renderer="page")
def wiki(context: Wiki, request: Request) -> Page:
    """All pages of a wiki."""
    batch = find(
        site_of(context),
        Eq("kind", "page") & Eq("within", resource_path(context)),
        start=start_of(request),
        size=request.site_settings.page_size,
    )
    return Page(
        context.title,
        [listing(request, batch), batches(request, batch)],
        actions=[(request.resource_path(context, "@@add"), "New page")],
    )


@view_config(context=WikiPage, renderer="page")
def wiki_page(context: WikiPage, request: Request) -> Page:
    """One page."""

    def page_link(title: str) -> etree._Element:
        pages = context.__parent__
        name = name_for(title)
        if name in pages:
            return link(request.resource_path(pages[name]), title)
        href = request.resource_path(pages, "@@add", query={"title": title})
        return link(href, title, class_="missing")

    by = f" by {context.author}" if context.author else ""
    search = request.route_path("search")
    return Page(
        context.title,
        [
            h("p", "Changed ", day(context.modified), by, class_="meta"),
            wikitext.render(context.text, page_link),
            h(
                "ul",
                [
                    h("li", link(f"{search}?{urlencode({'tag': tag})}", tag))
                    for tag in context.tags
                ],
                class_="tags",
            ),
        ],
        actions=[(request.resource_path(context, "@@edit"), "Edit")],
    )


@view_config(context=Wiki, name="add", renderer="page")
def add_page(context: Wiki, request: Request) -> Page | Response:
    """The form for a new page."""
    form = forms.Form(request, FIELDS, {"title": request.GET.get("title", "")})
    if form.accepted:
        new = WikiPage(form["title"], form["text"], forms.tags_of(form["tags"]))
        add_content(context, new, request)
        return HTTPSeeOther(request.resource_url(new))
    return form.page("New page", "Create", cancel=context)


@view_config(context=WikiPage, name="edit", renderer="page")
def edit_page(context: WikiPage, request: Request) -> Page | Response:
    """The form for changing a page."""
    stored = {
        "title": context.title,
        "text": context.text,
        "tags": ", ".join(context.tags),
    }
    form = forms.Form(request, FIELDS, stored)
    if form.accepted:
        context.title = form["title"]
        context.text = form["text"]
        context.tags = forms.tags_of(form["tags"])
        content_changed(context)
        return HTTPSeeOther(request.resource_url(context))
    return form.page(f"Edit {context.title}", "Save", cancel=context)
