"""The lists that several pages show."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from lxml import etree
from pyramid.request import Request
from pyramid.url import urlencode

from karl.intranet.catalog import Batch
from karl.intranet.content import Content
from karl.intranet.html import Node, day, h, link

KINDS = {
    "community": "Community",
    "page": "Wiki page",
    "file": "File",
    "person": "Person",
}


def start_of(request: Request) -> int:
    """Where the batch that the request asks for starts."""
    start = request.GET.get("start", "0")
    return int(start) if re.fullmatch("[0-9]{1,9}", start) else 0


def excerpt(content: Content, longest: int = 160) -> str:
    """The first words of what ``content`` says."""
    for field in ("description", "text", "position", "filename"):
        text = " ".join(getattr(content, field, "").replace("== ", "").split())
        if text:
            return text if len(text) <= longest else text[: longest - 1] + "…"
    return ""


def listing(
    request: Request, contents: Iterable[Content], *, show_kind: bool = False
) -> etree._Element:
    """Content, one below the other, with its date and first words."""
    rows = [
        h(
            "li",
            link(request.resource_path(content), content.title, class_="title"),
            h("span", KINDS.get(content.kind, ""), class_="kind")
            if show_kind
            else None,
            h("p", day(content.modified), " · ", excerpt(content), class_="summary"),
        )
        for content in contents
    ]
    if not rows:
        return h("p", "Nothing here yet.", class_="empty")
    return h("ul", *rows, class_="listing")


def cards(request: Request, contents: Iterable[Content]) -> etree._Element:
    """Content, side by side, with its first words."""
    rows = [
        h(
            "li",
            link(request.resource_path(content), content.title, class_="title"),
            h("p", excerpt(content), class_="summary"),
        )
        for content in contents
    ]
    if not rows:
        return h("p", "Nothing here yet.", class_="empty")
    return h("ul", *rows, class_="cards")


def facts(pairs: Iterable[tuple[str, Node]]) -> etree._Element:
    """Labels with values; those without a value are left out."""
    return h(
        "dl",
        [
            [h("dt", label), h("dd", value)]
            for label, value in pairs
            # An element without children is false, and still a value.
            if isinstance(value, etree._Element) or value
        ],
        class_="facts",
    )


def batches(request: Request, batch: Batch) -> etree._Element | None:
    """Where in the list this batch is, and the way to the others."""
    if batch.total <= batch.size and not batch.start:
        return None

    def other(start: int | None, label: str) -> Node:
        if start is None:
            return None
        query: dict[str, Any] = {**request.GET.mixed(), "start": start}
        return link(f"{request.path}?{urlencode(query)}", label)

    last = batch.start + len(batch.items)
    return h(
        "nav",
        other(batch.previous, "← Previous"),
        h("span", f"{min(batch.start + 1, last)}\N{EN DASH}{last} of {batch.total}"),
        other(batch.next, "Next →"),
        class_="batches",
    )
