"""What a page says, block by block: plain values, so that a program can hand it on.

``zeoctl report`` shows blocks that the sites tell, and ``evolve report`` those of the
database server, each on its own page, without knowing what is in them.
:mod:`karl.recipe.release.base.pages` writes them; it takes any value for what it says
it is, and leaves out what it does not understand.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: A part of a page: JSON values, told apart by ``kind``.
Block = Mapping[str, Any]

#: Something that needs attention: ``level`` and ``text``.
Attention = Mapping[str, str]

#: It is wrong, and somebody must do something.
PROBLEM = "problem"

#: It is as somebody may want it, or will be wrong some day.
NOTICE = "notice"


def visible(text: str) -> str:
    """Return text that a page, a terminal and a file can take as it is.

    What turns the direction of writing, commands a terminal, or cannot be encoded, is
    replaced.
    """
    return "".join(
        character if character.isprintable() or character == "\n" else "\ufffd"
        for character in text
    )


def problem(text: str) -> Attention:
    """Return what somebody must do something about.

    :param text: what is wrong, and what to do.
    """
    return {"level": PROBLEM, "text": visible(text)}


def notice(text: str) -> Attention:
    """Return what somebody should know of.

    :param text: what it is, and what can be done.
    """
    return {"level": NOTICE, "text": visible(text)}


def facts(items: Iterable[tuple[str, str]]) -> Block:
    """Return names and values, the things to be seen first."""
    return {"kind": "facts", "items": [list(item) for item in items]}


def note(text: str) -> Block:
    """Return a sentence."""
    return {"kind": "note", "text": text}


def listing(title: str, items: Iterable[str]) -> Block:
    """Return sentences below a title."""
    return {"kind": "list", "title": title, "items": list(items)}


def table(
    title: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Iterable[int] = (),
) -> Block:
    """Return a table; the first cell of each row says what the row is about.

    :param numbers: the columns that have numbers.
    """
    return {
        "kind": "table",
        "title": title,
        "heads": list(heads),
        "rows": [list(row) for row in rows],
        "numbers": list(numbers),
    }


def timeline(
    title: str, steps: Iterable[Mapping[str, Any]], mark: tuple[str, str]
) -> Block:
    """Return steps with a bar each, from when to when it was done.

    :param steps: ``name``, ``text``, ``at`` and ``seconds`` from the beginning of
        all, and ``marked``.
    :param mark: what it means that a step is marked: a head, and the word for it.
    """
    return {
        "kind": "timeline",
        "title": title,
        "mark": list(mark),
        "steps": [dict(step) for step in steps],
    }


def chart(title: str, points: Iterable[tuple[float, float, str]]) -> Block:
    """Return how a number went over time.

    :param points: when (any unit), the number, and both in words.
    """
    return {"kind": "chart", "title": title, "points": [list(each) for each in points]}


def moment(seconds: float | None, otherwise: str = "-") -> str:
    """Return a time, in seconds since the epoch, as it is here."""
    if seconds is None:
        return otherwise
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
    except (OSError, OverflowError, TypeError, ValueError):
        return otherwise


def span(seconds: float | None) -> str:
    """Return how long something takes, in words."""
    if seconds is None:
        return "-"
    if seconds < 120:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 7200:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 172800:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} days"
