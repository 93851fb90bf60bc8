"""The order of versions, as far as indexes need one."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PARTS = re.compile(r"[0-9]+|[A-Za-z]+|\+")

#: What comes before the release that it is named after; all else comes after it.
_BEFORE = {"dev": -4, "a": -3, "alpha": -3, "b": -2, "beta": -2}
_CANDIDATES = {"c": -1, "rc": -1, "pre": -1, "preview": -1}

_END = (0, 0, "")


def order(version: str) -> tuple[tuple[int, int, str], ...]:
    """Return what versions are sorted by: numbers as numbers, 1.2rc1 before 1.2."""
    parts = [_part(text.lower()) for text in _PARTS.findall(version)]
    count = next((n for n, part in enumerate(parts) if part[0] != 1), len(parts))
    release, rest = parts[:count], parts[count:]
    while release and release[-1] == (1, 0, ""):  # 1.0 and 1 are the same.
        release.pop()
    return (*release, *rest, _END)


def _part(text: str) -> tuple[int, int, str]:
    if text.isdigit():
        return (1, int(text), "")
    early = {**_BEFORE, **_CANDIDATES}.get(text)
    return (early, 0, "") if early is not None else (0, 1, text)


def before(versions: Iterable[str], version: str) -> str:
    """Return the newest of *versions* that is older than *version*; empty: none."""
    older = [each for each in versions if order(each) < order(version)]
    return max(older, key=order, default="")
