"""HTML as trees of lxml elements: text in them is text and never markup."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import TypeAlias
from urllib.parse import urlsplit

from lxml import etree

Node: TypeAlias = "etree._Element | str | Iterable[Node] | None"

# What XML 1.0 cannot hold at all, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """``text`` with the characters that XML forbids replaced."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def h(tag: str, *children: Node, **attributes: str | None) -> etree._Element:
    """The element ``tag``.

    Attributes that are None are left out. A trailing underscore keeps names off
    Python's keywords (``class_``); other underscores become hyphens.
    """
    element = etree.Element(tag)
    for name, value in attributes.items():
        if value is not None:
            element.set(name.rstrip("_").replace("_", "-"), printable(value))
    _append(element, children)
    return element


def _append(element: etree._Element, children: Iterable[Node]) -> None:
    for child in children:
        if child is None:
            continue
        if isinstance(child, str):
            _append_text(element, printable(child))
        elif isinstance(child, etree._Element):
            element.append(child)
        else:
            _append(element, child)


def _append_text(element: etree._Element, text: str) -> None:
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text


def link(href: str, *children: Node, class_: str | None = None) -> etree._Element:
    """A link to a page of this site."""
    return h("a", *children, href=href, class_=class_)


def web_link(url: str, text: str = "") -> Node:
    """A link to somewhere else, or just its text unless it is a web address."""
    try:
        safe = urlsplit(url).scheme in {"http", "https"}
    except ValueError:
        safe = False
    if not safe:
        return text or url
    return h("a", text or url, href=url, rel="noopener noreferrer nofollow")


def day(moment: datetime) -> etree._Element:
    """A date, readable by people and by machines."""
    return h("time", f"{moment.day} {moment:%B %Y}", datetime=moment.date().isoformat())


def size(count: int) -> str:
    """A number of bytes for people."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:  # noqa: PLR2004 - decimal units
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
