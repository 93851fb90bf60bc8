"""Values as ZConfig reads them back: nothing in them means more than itself."""

from __future__ import annotations

from collections.abc import Iterable

from karl.recipe.release.base.errors import UsageError
from karl.recipe.zeoserver.declaration.model import Tls


def value(text: object) -> str:
    """Return *text* so that ZConfig gives it back: ``$`` would begin a name.

    :raises UsageError: it has a character that no line can carry.
    """
    found = str(text)
    if not found.isprintable() or found != found.strip():
        raise UsageError(
            f"{found!r} cannot be written into ZODB's configuration.",
            "Use no control characters, and no blanks at its ends.",
        )
    return found.replace("$", "$$")


def boolean(truth: object) -> str:
    """Return ``true`` or ``false``."""
    return "true" if truth else "false"


def section(kind: str, lines: Iterable[str], name: str = "") -> list[str]:
    """Return a section with its content."""
    begin = f"{kind} {name}" if name else kind
    return [f"<{begin}>", *(f"  {line}" for line in lines), f"</{kind}>"]


def tls_keys(tls: Tls) -> list[str]:
    """Return what both ends say in their ``<ssl>`` section."""
    return [
        f"certificate {value(tls.certificate)}",
        f"key {value(tls.key)}",
        f"authenticate {value(tls.authenticate)}",
    ]
