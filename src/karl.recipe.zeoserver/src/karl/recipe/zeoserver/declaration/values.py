"""What the text of an option of a database server means, besides what all have.

Each function raises :class:`UsageError` with what is wrong, as the end of a
sentence that begins with the option.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

from karl.recipe.release.base.errors import UsageError
from karl.recipe.release.base.optionvalues import line, path
from karl.recipe.zeoserver.layouts.site import SiteLayout

_SIZE = re.compile(r"([0-9]{1,12}) ?(KB|MB|GB|TB)?\Z", re.IGNORECASE)
_UNITS = {"": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")


def size(text: str) -> int:
    """Return the bytes of a size such as ``128MB``.

    :raises UsageError: it is none, or less than 1 MB, with which nobody can work.
    """
    found = _SIZE.match(text)
    if not found:
        raise UsageError("it is not a size such as 128MB or 1GB")
    count = int(found[1]) * _UNITS[(found[2] or "").upper()]
    if not _UNITS["MB"] <= count <= _UNITS["TB"] * 1024:
        raise UsageError("it is less than 1MB, or more than 1024TB")
    return count


def sites(base: Path) -> Callable[[str], tuple[tuple[str, ...], ...]]:
    """Return what reads sites, one a line: folders, or what leads to ``evolve``."""
    folder = path(base)

    def command(text: str) -> tuple[str, ...]:
        try:
            words = tuple(shlex.split(text))
        except ValueError as error:
            raise UsageError(f"{text!r} cannot be read: {error}") from None
        if len(words) == 1:
            return (str(SiteLayout(Path(folder(words[0]))).evolve),)
        return tuple(line(word) for word in words)

    return lambda text: tuple(command(each) for each in text.splitlines() if each)


def absolute(text: str) -> str:
    """Return a path on another machine."""
    if line(text) and (not text.startswith("/") or ".." in Path(text).parts):
        raise UsageError("it is not an absolute path without ..")
    return str(Path(text)) if text else ""


def label(text: str) -> str:
    """Return *text* if it can be a part of a file's name, or if it is empty."""
    if text and (not _LABEL.match(text) or ".." in text or len(text) > 64):
        raise UsageError("it is not a name of letters, digits and . _ -")
    return text
