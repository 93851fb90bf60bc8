"""What an option's text means: numbers, sizes, truths, names and paths.

Each function raises :class:`UsageError` with what is wrong, as the end of a
sentence that begins with the option.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path

from karl.recipe.release.base.errors import UsageError
from karl.recipe.zeoserver.declaration.layout import SiteLayout

#: What reads a path from an option's text.
PathReader = Callable[[str], str]

_WHOLE = re.compile(r"[0-9]{1,15}\Z")
_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?\Z")
_SIZE = re.compile(r"([0-9]{1,12}) ?(KB|MB|GB|TB)?\Z", re.IGNORECASE)
_UNITS = {"": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_TRUTHS = {"true": True, "yes": True, "on": True}
_FALSEHOODS = {"false": False, "no": False, "off": False}

#: Of storages: as a name of a folder, of a systemd unit, of a program of
#: supervisor, and of a section of ZConfig, which knows no capitals.
_STORAGE = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\Z")
_SITE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}\Z")

#: What the generated files of supervisor, systemd, cron or logrotate could not
#: carry in a path, however it is quoted.
_TROUBLE = re.compile(r"""[\\"'%*?\[\]{}]|[ \t][;#]""")


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return what reads a whole number from *least* to *most*."""

    def read(text: str) -> int:
        if not _WHOLE.match(text) or not least <= int(text) <= most:
            raise UsageError(f"it is not a whole number from {least} to {most}")
        return int(text)

    return read


def decimal(least: float, most: float) -> Callable[[str], float]:
    """Return what reads a number from *least* to *most*."""

    def read(text: str) -> float:
        if not _DECIMAL.match(text) or not least <= float(text) <= most:
            raise UsageError(f"it is not a number from {least:g} to {most:g}")
        return float(text)

    return read


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


def truth(text: str) -> bool:
    """Return whether *text* says yes."""
    found = {**_TRUTHS, **_FALSEHOODS}.get(text.lower())
    if found is None:
        raise UsageError("it is neither true nor false")
    return found


def line(text: str) -> str:
    """Return *text* if it is one line of visible characters."""
    if not text.isprintable():
        raise UsageError("it has several lines, or control characters")
    return text


def path(base: Path) -> PathReader:
    """Return what reads a path on this machine; a relative one is below *base*."""

    def read(text: str) -> str:
        if not line(text):
            return ""
        if text.startswith("~"):
            raise UsageError("a path cannot begin with ~: write it in full")
        found = base / text
        # Only the system knows what ".." leads to where there are links.
        return os.path.realpath(found) if ".." in found.parts else str(found)

    return read


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


def root(text: str) -> str:
    """Return *text* if it can be the root: it is written into scripts and units."""
    if not text.isprintable() or text != text.strip() or _TROUBLE.search(text):
        raise UsageError(
            "a root cannot have control characters, quotes, any of \\ % * ? [ ] { }, "
            "or a blank before ; or #"
        )
    return text


def site_name(text: str) -> str:
    """Return *text* if systemd units can be called so."""
    if not _SITE.match(text) or len(text) > 64:
        raise UsageError(
            "its last folder names systemd's units: it can have letters, digits "
            "and . _ - only, at most 64"
        )
    return text


def storage(text: str) -> str:
    """Return *text* if a storage can be called so."""
    if not _STORAGE.match(text) or ".." in text or len(text) > 64:
        raise UsageError(
            "a storage's name can have lower-case letters, digits and . _ - only, "
            "at most 64, and begins and ends with a letter or a digit"
        )
    return text


def account(text: str) -> str:
    """Return *text* if a user or a group can be called so, or if it is empty."""
    if text and not _ACCOUNT.match(text):
        raise UsageError("it is not the name of a user or group")
    return text


def label(text: str) -> str:
    """Return *text* if it can be a part of a file's name, or if it is empty."""
    if text and (not _SITE.match(text) or ".." in text or len(text) > 64):
        raise UsageError("it is not a name of letters, digits and . _ -")
    return text
