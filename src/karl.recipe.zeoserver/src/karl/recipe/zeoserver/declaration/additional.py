"""Lines of ZConfig that an option adds: they can do no more than they may."""

from __future__ import annotations

import re

from karl.recipe.release.base.errors import UsageError

#: Keys of the ``<zeo>`` section that are written here, and what to use instead.
_OURS = {
    "address": "zeo-address and zeo-address-b",
    "read-only": "zeoctl read-only",
    "invalidation-queue-size": "invalidation-queue-size",
    "invalidation-age": "invalidation-age",
    "transaction-timeout": "transaction-timeout",
    "client-conflict-resolution": "client-conflict-resolution",
    "pid-filename": "zeoctl status",
    "msgpack": "nothing: the software has no msgpack",
    "monitor-address": "zeoctl status",
    "authentication-protocol": "ssl-authenticate",
    "authentication-database": "ssl-authenticate",
    "authentication-realm": "ssl-authenticate",
}

_KEY = re.compile(r"([a-z][a-z0-9_-]*)(?:[ \t]+(\S.*))?\Z", re.IGNORECASE)
_BEGIN = re.compile(r"<([a-z][a-z0-9_.-]*)([ \t]+[^\s()<>/]+)?[ \t]*>\Z", re.IGNORECASE)
_END = re.compile(r"</([a-z][a-z0-9_.-]*)[ \t]*>\Z", re.IGNORECASE)


def zeo_keys(text: str) -> str:
    """Return *text* if it is nothing but further keys of the ``<zeo>`` section.

    :raises UsageError: a line begins or ends a section, is a directive, or sets
        what is set by an option or a verb.
    """
    lines = _lines(text)
    for line in lines:
        found = _KEY.match(line)
        if not found:
            raise UsageError(
                f"the line {line!r} is no key with its value; sections and "
                "directives cannot be added"
            )
        instead = _OURS.get(found[1].lower())
        if instead:
            raise UsageError(f"{found[1]} cannot be added; use {instead}")
    return "\n".join(lines)


def log_handlers(text: str) -> str:
    """Return *text* if it is whole sections, for the ``<eventlog>`` section.

    :raises UsageError: a section is not ended, another is, or there are keys
        outside a section.
    """
    lines, opened = _lines(text), []
    for line in lines:
        begin, end = _BEGIN.match(line), _END.match(line)
        if begin:
            opened.append(begin[1].lower())
        elif end and opened and opened[-1] == end[1].lower():
            opened.pop()
        elif end or not opened or not _KEY.match(line):
            raise UsageError(f"the line {line!r} cannot stand there")
    if opened:
        raise UsageError(f"the section <{opened[-1]}> is not ended")
    return "\n".join(lines)


def _lines(text: str) -> list[str]:
    """Return the lines that say something.

    :raises UsageError: one has control characters, or a ``$`` that is not doubled.
    """
    lines = [line.strip() for line in text.split("\n")]
    lines = [line for line in lines if line and not line.startswith("#")]
    for line in lines:
        if not line.replace("\t", " ").isprintable():
            raise UsageError(f"the line {line!r} has control characters")
        if "$" in line.replace("$$", ""):
            raise UsageError(f"in the line {line!r} a $ must be written $$")
    return lines
