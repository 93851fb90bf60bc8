"""What an option's text means, whichever recipe's: numbers, truths, paths, names.

Each function raises :class:`UsageError` with what is wrong, as the end of a
sentence that begins with the option.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from karl.recipe.release.base.errors import UsageError

#: Bytes that the kernel takes for the path of a Unix socket.
SOCKET_LIMIT = 107

#: What reads a path from an option's text.
PathReader = Callable[[str], str]

_WHOLE = re.compile(r"[0-9]{1,15}\Z")
_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?\Z")
_TRUTHS = {"true": True, "yes": True, "on": True}
_FALSEHOODS = {"false": False, "no": False, "off": False}
_SITE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")

#: Of storages: as a name of a folder, of a systemd unit, of a program of
#: supervisor, and of a section of ZConfig, which knows no capitals.
_STORAGE = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\Z")
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


def truth(text: str) -> bool:
    """Return whether *text* says yes."""
    found = {**_TRUTHS, **_FALSEHOODS}.get(text.lower())
    if found is None:
        raise UsageError("it is neither true nor false")
    return found


def one_of(*names: str) -> Callable[[str], str]:
    """Return what reads one of these words."""

    def read(text: str) -> str:
        if text not in names:
            raise UsageError(f"it is none of {', '.join(names)}")
        return text

    return read


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
        return without_dots(str(base / text))

    return read


def quotable(text: str) -> str:
    """Return *text* if generated files and scripts can carry it as a path."""
    if not text.isprintable() or text != text.strip() or _TROUBLE.search(text):
        raise UsageError(
            "it cannot have control characters, quotes, any of \\ % * ? [ ] { }, or a "
            "blank before ; or #"
        )
    return text


def site_name(text: str) -> str:
    """Return *text* if systemd units can be called so."""
    if not _SITE.match(text) or len(text) > 64:
        raise UsageError(
            "its last folder names the site and systemd's units: it can have letters, "
            "digits and . _ - only, at most 64"
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


def without_dots(text: str) -> str:
    """Return a path without ``..``.

    Only the system knows what ``..`` leads to where there are links; links after
    the last of them stay, so that one such as ``current`` is followed later.
    """
    parts = Path(text).parts
    if ".." not in parts:
        return str(Path(text))
    last = len(parts) - parts[::-1].index("..")
    return str(Path(os.path.realpath(Path(*parts[:last])), *parts[last:]))
