"""What the text of an option of a site means, besides what all recipes' have.

Each function raises :class:`UsageError` with what is wrong, as the end of a
sentence that begins with the option.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path

from karl.recipe.evolve.declaration.model import Address, Command, CronJob
from karl.recipe.release.base.errors import UsageError
from karl.recipe.release.base.optionvalues import (
    SOCKET_LIMIT,
    line,
    path,
    quotable,
    site_name,
    whole,
    without_dots,
)

_URL_PATH = re.compile(r"/[^\s?#\x00-\x20\x7f]*\Z")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*\Z", re.ASCII)
_CRON_FIELD = re.compile(r"[0-9A-Za-z*,/-]+\Z")
_CRON_WORDS = frozenset(
    {"@reboot", "@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly",
     "@annually"}
)  # fmt: skip


def root(base: Path) -> Callable[[str], str]:
    """Return what reads the root: its real path goes into scripts and units."""

    def read(text: str) -> str:
        found = os.path.realpath(path(base)(text)) if text else ""
        if text:
            site_name(Path(quotable(found)).name)
        return found

    return read


def program(base: Path) -> Callable[[str], str]:
    """Return what reads a program: a path, or a name to be found on the PATH."""

    def read(text: str) -> str:
        if not text:
            raise UsageError("no program is named")
        found = path(base)(text) if "/" in text else line(text)
        return quotable(found)

    return read


def address(base: Path) -> Callable[[str], Address]:
    """Return what reads an address: ``8080``, ``host:8080``, a path with a slash.

    A port alone is one of this machine's own: 127.0.0.1.
    """

    def read(text: str) -> Address:
        line(text)
        if "/" in text:
            return _socket(path(base)(text.removeprefix("unix:")))
        name, _, port = text.rpartition(":")
        return Address(host=_host(name), port=_port(port))

    return read


def is_local(found: Address) -> bool:
    """Tell whether only programs on this machine can reach an address."""
    if found.path or found.host == "localhost":
        return True
    return ipaddress.ip_address(found.host).is_loopback


def url_paths(text: str) -> tuple[str, ...]:
    """Return paths of URLs, words that begin with a slash."""
    found = tuple(text.split())
    for each in found:
        if not _URL_PATH.match(each):
            raise UsageError(f"{each!r} is not a path that begins with a slash")
    return found


def command(text: str) -> Command:
    """Return an argument list; no shell will read it."""
    if "\n" in text.strip():
        raise UsageError("it has several lines")
    found = _words(text)
    if found and not found[0]:
        raise UsageError("it does not begin with a program")
    return found


def commands(text: str) -> tuple[Command, ...]:
    """Return argument lists, one a line."""
    lines = [each.strip() for each in text.split("\n")]
    return tuple(command(each) for each in lines if each)


def modules(text: str) -> tuple[str, ...]:
    """Return dotted names of packages, one a line."""
    found = tuple(text.split())
    for each in found:
        if not _MODULE.match(each):
            raise UsageError(f"{each!r} is not the dotted name of a package")
    return found


def cron(text: str) -> tuple[CronJob, ...]:
    """Return cron jobs, one a line: five fields or an @word, and a command."""
    lines = [each.strip() for each in text.split("\n")]
    return tuple(_job(each) for each in lines if each and not each.startswith("#"))


def _job(text: str) -> CronJob:
    first = text.split(None, 1)[0]
    count = 1 if first.startswith("@") else 5
    fields = text.split(None, count)
    if len(fields) <= count:
        raise UsageError(f"the line {text!r} has no command")
    *times, rest = fields
    if count == 1 and first not in _CRON_WORDS:
        raise UsageError(f"{first} is none of {', '.join(sorted(_CRON_WORDS))}")
    if count > 1 and not all(map(_CRON_FIELD.match, times)):
        raise UsageError(f"the line {text!r} does not begin with cron's five fields")
    return CronJob(" ".join(times), command(rest))


def _words(text: str) -> Command:
    if not text.replace("\t", " ").isprintable():
        raise UsageError("it has control characters")
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"it is malformed ({error})") from None
    return tuple(
        without_dots(word) if word.startswith("/") and ".." in word else word
        for word in words
    )


def _socket(found: str) -> Address:
    quotable(found)
    length = len(os.fsencode(found))
    if length > SOCKET_LIMIT:
        raise UsageError(
            f"the path of the Unix socket {found} has {length} bytes, and the system "
            f"takes {SOCKET_LIMIT}: choose a shorter one"
        )
    return Address(path=found)


def _host(text: str) -> str:
    if not text:
        return "127.0.0.1"
    if text == "*":
        return "0.0.0.0"  # noqa: S104  # asked for
    bracketed = text.startswith("[") and text.endswith("]")
    if (":" in text) != bracketed:
        raise UsageError("an IPv6 address stands in brackets: [::1]:8080")
    bare = text[1:-1] if bracketed else text
    if bare == "localhost":
        return bare
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        raise UsageError(f"{bare!r} is not an IP address") from None


def _port(text: str) -> int:
    try:
        return whole(1, 65535)(text)
    except UsageError:
        raise UsageError(
            "it is neither a port, nor a host and a port, nor the path of a Unix "
            "socket, which has a slash"
        ) from None
