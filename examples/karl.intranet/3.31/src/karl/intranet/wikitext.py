"""Wiki text: the little markup that pages are written in.

== Heading            * list item
[[Title of a page]]   https://example.org/
**strong**            a blank line ends a paragraph
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lxml import etree

from karl.intranet.html import Node, h, web_link

_INLINE = re.compile(
    r"\[\[(?P<page>[^\[\]\n]{1,200})\]\]"
    r"|\*\*(?P<strong>[^*\n]+)\*\*"
    r"|(?P<url>https?://[^\s<>\"']*[^\s<>\"'.,;:!?)])"
)

PageLink = Callable[[str], etree._Element]


def render(text: str, page_link: PageLink) -> etree._Element:
    """``text`` as HTML; ``page_link`` makes the link to a page of that title."""
    blocks = re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip())
    return h("div", *(_block(block, page_link) for block in blocks), class_="wikitext")


def _block(block: str, page_link: PageLink) -> list[Node]:
    nodes: list[Node] = []
    items: list[Node] = []
    lines: list[str] = []

    def close() -> None:
        if lines:
            nodes.append(h("p", *_inline("\n".join(lines), page_link)))
            lines.clear()
        if items:
            nodes.append(h("ul", *items))
            items.clear()

    for line in block.split("\n"):
        if line.startswith("== "):
            close()
            nodes.append(h("h2", line[3:].strip(" =")))
        elif line.startswith("* "):
            if lines:
                close()
            items.append(h("li", *_inline(line[2:], page_link)))
        elif line.strip():
            if items:
                close()
            lines.append(line)
    close()
    return nodes


def _inline(text: str, page_link: PageLink) -> Iterator[Node]:
    position = 0
    for match in _INLINE.finditer(text):
        yield text[position : match.start()]
        if match["page"]:
            yield page_link(match["page"].strip())
        elif match["strong"]:
            yield h("strong", match["strong"])
        else:
            yield web_link(match["url"])
        position = match.end()
    yield text[position:]
