"""Pages: what views return, and the document that the theme makes HTML of.

<page kind="person" title="…">
  <site title="…" tagline="…" href="…" search="…"/>
  <stylesheet href="…"/>
  <navigation><item href="…" current="yes">…</item></navigation>
  <trail><item href="…">…</item></trail>
  <actions><item href="…">…</item></actions>
  <content>…HTML…</content>
</page>
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from lxml import etree
from pyramid.location import lineage
from pyramid.request import Request
from pyramid.response import Response

from karl.intranet.content import Content, Site
from karl.intranet.html import Node, h


@dataclass(frozen=True)
class Page:
    """What a view wants shown.

    title: the heading of the page.
    content: its HTML.
    actions: what can be done here, as pairs of address and label.
    kind: a word that the theme can style the page by; by default the kind of
        the content that is shown.
    status: the HTTP status.
    """

    title: str
    content: Node
    actions: list[tuple[str, str]] = field(default_factory=list)
    kind: str = ""
    status: int = 200


@dataclass(frozen=True)
class PageAssembled:
    """Event: ``document`` is complete, and the theme comes next.

    Customizations subscribe to it to add elements that their theme shows.
    """

    document: etree._Element
    context: Any
    request: Request


def render_page(_info: Any) -> Callable[[Page, dict[str, Any]], str]:
    """The Pyramid renderer for views that return a Page."""

    def render(page: Page, system: dict[str, Any]) -> str:
        request = system["request"]
        request.response.content_type = "text/html"
        request.response.status_int = page.status
        return themed(page, request).decode()

    return render


def page_response(page: Page, request: Request) -> Response:
    """A response outside of view rendering, for tweens."""
    return Response(
        themed(page, request), status=page.status, content_type="text/html",
        charset="utf-8",
    )  # fmt: skip


def themed(page: Page, request: Request) -> bytes:
    """``page`` as the HTML of this site."""
    context = getattr(request, "context", None)
    document = assemble(page, context, request)
    request.registry.notify(PageAssembled(document, context, request))
    html: bytes = request.registry["karl.theme"].apply(document)
    return html


def assemble(page: Page, context: Any, request: Request) -> etree._Element:
    """The document that a theme transforms."""
    settings = request.site_settings
    kind = page.kind or getattr(context, "kind", "page")
    home = request.route_path("home")
    return h(
        "page",
        h(
            "site",
            title=settings.title,
            tagline=settings.tagline,
            href=home,
            search=request.route_path("search"),
        ),
        [
            h("stylesheet", href=_static_path(specification, request))
            for specification in settings.stylesheets
        ],
        h("navigation", _navigation(context, request)),
        h("trail", _trail(context, request)),
        h("actions", [h("item", label, href=href) for href, label in page.actions]),
        h("content", page.content),
        title=page.title,
        kind=kind,
    )


def _static_path(specification: str, request: Request) -> str:
    # Browsers keep a stylesheet until the version of its package changes.
    package = specification.partition(":")[0]
    path: str = request.static_path(specification, _query={"v": version(package)})
    return path


def _navigation(context: Any, request: Request) -> list[etree._Element]:
    here = {id(location) for location in lineage(context)} if context else set()
    items = []
    for name, label in (("communities", "Communities"), ("people", "People")):
        section = _section(context, name)
        current = "yes" if id(section) in here else None
        href = request.route_path("home") + name + "/"
        items.append(h("item", label, href=href, current=current))
    return items


def _section(context: Any, name: str) -> Any:
    for location in lineage(context) if context else ():
        if isinstance(location, Site):
            return location[name]
    return None


def _trail(context: Any, request: Request) -> list[etree._Element]:
    if not isinstance(context, Content):
        return []
    locations = list(lineage(context))[1:]
    return [
        h("item", location.title, href=request.resource_path(location))
        for location in reversed(locations)
    ]
