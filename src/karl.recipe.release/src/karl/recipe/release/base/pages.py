"""HTML pages that need nothing else: no script, and nothing that is fetched.

All that is shown may come from elsewhere: it is escaped, and shown in a length that
a person would read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from karl.recipe.release.base import pictures
from karl.recipe.release.base.blocks import PROBLEM, Attention, span, visible
from karl.recipe.release.base.pagestyle import style
from karl.recipe.release.base.pictures import number

#: No browser runs or fetches anything for a page that says this.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

#: A word that has more characters may be broken anywhere.
_LONG_WORD = 24

_TAG = re.compile("<[^>]*>")

#: How much is shown of one text, of one table or list, and of one page's part.
_LONGEST, _MOST_ROWS, _MOST_BLOCKS = 600, 400, 60


def document(title: str, parts: Iterable[str], *, refresh: int = 0) -> str:
    """Return a whole page.

    :param title: as a browser's tab shows it.
    :param parts: HTML.
    :param refresh: seconds after which a browser loads the page again; 0: never.
    """
    again = (
        f'<meta http-equiv="refresh" content="{refresh:d}">\n' if refresh > 0 else ""
    )
    body = "\n".join(part for part in parts if part)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="robots" content="noindex">\n{again}'
        f'<link rel="icon" href="data:,">\n<title>{text(title)}</title>\n'
        f"<style>{style()}</style>\n</head>\n<body>\n<main>\n{body}\n"
        "</main>\n</body>\n</html>\n"
    )


def text(value: object) -> str:
    """Return anything as text that can stand in HTML, and can be seen."""
    if value is None:
        return "-"
    found = str(value)
    if len(found) > _LONGEST:
        found = f"{found[:_LONGEST]}…"
    return escape(visible(found))


def heading(level: int, title: object, anchor: str = "") -> str:
    """Return a heading.

    :param anchor: what links to it name, if any do.
    """
    name = f' id="{escape(anchor)}"' if anchor else ""
    return f"<h{level}{name}>{text(title)}</h{level}>"


def paragraph(words: object, kind: str = "") -> str:
    """Return a paragraph.

    :param kind: ``good``, ``bad`` or ``quiet``; empty: as any other.
    """
    return f"<p{_class(kind)}>{text(words)}</p>"


def attention(items: Iterable[tuple[str, Attention]]) -> str:
    """Return what needs attention, problems first.

    :param items: each with what it is about; may be empty.
    """
    found = sorted(items, key=lambda item: item[1].get("level") != PROBLEM)
    if not found:
        return paragraph("Nothing: all is well.", "good")
    lines = []
    for about, item in found[:_MOST_ROWS]:
        level = PROBLEM if item.get("level") == PROBLEM else "notice"
        name = f"{text(about)}: " if about else ""
        lines.append(
            f'<li class="{level}"><b>{level.capitalize()}.</b> '
            f"{name}{text(item.get('text'))}</li>"
        )
    return f'<ul class="attention">{"".join(lines)}</ul>'


def overview(
    title: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    anchors: Sequence[str],
) -> str:
    """Return a table whose rows each lead to another place of the page."""
    return _table_of(title, heads, rows, (), anchors)


def blocks(found: object, level: int) -> str:
    """Return blocks as HTML; what cannot be understood is left out.

    :param level: of the headings in them.
    """
    parts = []
    for block in _rows(found)[:_MOST_BLOCKS]:
        if isinstance(block, Mapping):
            write = _KINDS.get(str(block.get("kind")))
            parts.append(write(block, level) if write else "")
    return "\n".join(part for part in parts if part)


def _facts(block: Mapping[str, Any], level: int) -> str:
    pairs = [item for item in _rows(block.get("items")) if len(_rows(item)) == 2]
    cells = "".join(
        f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>"
        for name, value in pairs
    )
    return f'<dl class="facts">{cells}</dl>' if cells else ""


def _note(block: Mapping[str, Any], level: int) -> str:
    return paragraph(block.get("text"))


def _listing(block: Mapping[str, Any], level: int) -> str:
    lines = "".join(f"<li>{text(item)}</li>" for item in _rows(block.get("items")))
    if not lines:
        return ""
    return f"{heading(level, block.get('title'))}\n<ul>{lines}</ul>"


def _table(block: Mapping[str, Any], level: int) -> str:
    return _table_of(
        block.get("title"),
        _rows(block.get("heads")),
        _rows(block.get("rows")),
        _rows(block.get("numbers")),
        (),
    )


def _table_of(
    title: object,
    heads: Sequence[Any],
    rows: Sequence[Any],
    numbers: Sequence[Any],
    anchors: Sequence[str],
) -> str:
    if not rows or not heads:
        return ""
    kinds = ["n" if place in numbers else "" for place in range(len(heads))]
    body = []
    for place, row in enumerate(rows):
        cells = [text(cell) for cell in _rows(row)][: len(heads)]
        cells += [""] * (len(heads) - len(cells))
        if place < len(anchors):
            cells[0] = f'<a href="#{escape(anchors[place])}">{cells[0]}</a>'
        body.append(_row(heads, kinds, cells))
    return _framed(title, _head(heads, kinds), body)


def _framed(title: object, head: str, body: Iterable[str]) -> str:
    """Return a table that is scrolled by itself where there is no room.

    The roles are said because the style of small screens would hide them.
    """
    rows = "\n".join(body)
    return (
        f'<div class="wide" role="region" aria-label="{text(title)}" tabindex="0">'
        f'<table role="table"><caption>{text(title)}</caption>\n'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead>\n'
        f'<tbody role="rowgroup">{rows}</tbody></table></div>'
    )


def _head(heads: Sequence[Any], kinds: Sequence[str]) -> str:
    return "".join(
        f'<th scope="col" role="columnheader"{_class(kind)}>{text(head)}</th>'
        for head, kind in zip(heads, kinds, strict=True)
    )


def _row(heads: Sequence[Any], kinds: Sequence[str], cells: Sequence[str]) -> str:
    first = f'<th scope="row" role="rowheader"{_kind(kinds[0], cells[0])}>'
    return (
        f'<tr role="row">{first}{cells[0]}</th>'
        + "".join(
            f'<td role="cell" data-label="{text(head)}"{_kind(kind, cell)}>'
            f"<span>{cell}</span></td>"
            for head, kind, cell in zip(heads[1:], kinds[1:], cells[1:], strict=True)
        )
        + "</tr>"
    )


def _kind(kind: str, cell: str) -> str:
    """Return the class of a cell; a word that would make it wide may be broken."""
    longest = max(map(len, _TAG.sub("", cell).split()), default=0)
    return _class(kind or ("long" if longest > _LONG_WORD else ""))


def _timeline(block: Mapping[str, Any], level: int) -> str:
    steps = [
        step
        for step in _rows(block.get("steps"))
        if isinstance(step, Mapping)
        and number(step.get("at")) is not None
        and number(step.get("seconds")) is not None
    ]
    if not steps:
        return ""
    whole = max(0.001, *(float(each["at"]) + float(each["seconds"]) for each in steps))
    mark = [*_rows(block.get("mark")), "", ""]
    heads = ("Step", "What", "Took", mark[0], "When")
    kinds = ("", "", "n", "", "bars")
    rows = [
        _row(
            heads,
            kinds,
            (
                text(each.get("name")),
                text(each.get("text")),
                text(span(float(each["seconds"]))),
                text(mark[1]) if each.get("marked") else "",
                pictures.bar(
                    float(each["at"]) / whole,
                    float(each["seconds"]) / whole,
                    marked=bool(each.get("marked")),
                ),
            ),
        )
        for each in steps
    ]
    return _framed(block.get("title"), _head(heads, kinds), rows)


def _chart(block: Mapping[str, Any], level: int) -> str:
    points = [
        point
        for point in _rows(block.get("points"))
        if len(_rows(point)) == 3
        and number(point[0]) is not None
        and number(point[1]) is not None
    ]
    if not points:
        return ""
    least, most = min(points, key=lambda p: p[1]), max(points, key=lambda p: p[1])
    title = text(block.get("title"))
    label = f"A line from {text(points[0][2])} to {text(points[-1][2])}"
    picture = pictures.line([(point[0], point[1]) for point in points], label)
    told = f"{text(points[-1][2])}."
    if len(points) > 1:
        told = (
            f"Now: {told} At first: {text(points[0][2])}. "
            f"Least: {text(least[2])}. Most: {text(most[2])}."
        )
    return (
        f"<figure><figcaption>{title}</figcaption>\n{picture}\n"
        f'<p class="quiet">{told}</p></figure>'
    )


_KINDS: Mapping[str, Callable[[Mapping[str, Any], int], str]] = {
    "facts": _facts,
    "note": _note,
    "list": _listing,
    "table": _table,
    "timeline": _timeline,
    "chart": _chart,
}


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _rows(value: object) -> Sequence[Any]:
    return list(value)[:_MOST_ROWS] if isinstance(value, list | tuple) else []
