"""What a visitor is answered who must wait: a page, or JSON for a program."""

from __future__ import annotations

import html
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

from karl.recipe.evolve.modes.state import MAINTENANCE, READ_ONLY, Mode

_logger = logging.getLogger(__name__)

STATUS = "503 Service Unavailable"

ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None]

_TITLES = {
    READ_ONLY: "Read-only for a moment",
    MAINTENANCE: "Back in a moment",
}

_TEXTS = {
    READ_ONLY: (
        "This site is being looked after. Everything can be read, but nothing can be "
        "changed just now. What you sent was not saved: go back, keep your text, and "
        "send it again in a while."
    ),
    MAINTENANCE: "This site is being looked after. Please come back in a while.",
}

#: Complete in itself: nothing is fetched from anywhere.
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>
:root { color-scheme: light dark; }
body { font: 1.1rem/1.6 system-ui, sans-serif; margin: 15vh auto; max-width: 34rem;
  padding: 0 1.5rem; }
h1 { font-size: 1.6rem; line-height: 1.2; }
p.message { border-left: .25rem solid; padding-left: 1rem; }
p.wait { opacity: .75; }
</style>
</head>
<body>
<h1>${title}</h1>
<p>${text}</p>
${note}<p class="wait">Try again in ${wait}.</p>
</body>
</html>
"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Refusal:
    """A whole answer.

    :ivar headers: as WSGI takes them.
    """

    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class Refusals:
    """How a site refuses.

    :ivar page: HTML file that is sent instead of our own page; ``${message}`` and
        ``${retry_after}`` in it are replaced.  None: our own.
    :ivar retry_after: seconds, if the mode does not say.
    """

    page: Path | None = None
    retry_after: int = 60

    def answer(self, mode: Mode, accept: str) -> Refusal:
        """Return the answer to a request.

        :param mode: in which it is refused; in ``normal`` mode it is the database
            that refuses, which is read-only then.
        :param accept: the request's ``Accept``.
        """
        kind = mode.mode if mode.mode in _TITLES else READ_ONLY
        seconds = mode.retry_after or self.retry_after
        if prefers_json(accept):
            document = {
                "error": kind,
                "message": mode.message or _TEXTS[kind],
                "retry_after": seconds,
            }
            return _refusal("application/json", json.dumps(document), seconds)
        own = self._own_page(mode, seconds)
        if own is not None:
            return _refusal("text/html; charset=utf-8", own, seconds)
        page = _fill(
            _PAGE,
            title=_TITLES[kind],
            text=_TEXTS[kind],
            note=_note(mode.message),
            wait=_in_words(seconds),
        )
        return _refusal(
            "text/html; charset=utf-8",
            page,
            seconds,
            ("Content-Security-Policy", _POLICY),
        )

    def _own_page(self, mode: Mode, seconds: int) -> str | None:
        if self.page is None:
            return None
        try:
            text = self.page.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            _logger.warning("The page %s cannot be sent: %s", self.page, error)
            return None
        message = html.escape(mode.message)
        return _fill(text, message=message, retry_after=str(seconds))


def prefers_json(accept: str) -> bool:
    """Tell whether an ``Accept`` names JSON, and HTML no more than that."""
    wanted = {"json": 0.0, "html": 0.0}
    for each in accept.lower().split(","):
        kind, *parameters = (word.strip() for word in each.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                quality = _quality(value)
        if kind == "application/json" or kind.endswith("+json"):
            wanted["json"] = max(wanted["json"], quality)
        elif kind in {"text/html", "application/xhtml+xml"}:
            wanted["html"] = max(wanted["html"], quality)
    return wanted["json"] > 0 and wanted["json"] >= wanted["html"]


def _quality(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return found if 0 <= found <= 1 else 0.0


def _refusal(kind: str, text: str, seconds: int, *more: tuple[str, str]) -> Refusal:
    body = text.encode()
    return Refusal(
        [
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("Retry-After", str(seconds)),
            ("Cache-Control", "no-store"),
            ("Vary", "Accept"),
            ("X-Content-Type-Options", "nosniff"),
            *more,
        ],
        body,
    )


def _fill(text: str, /, **values: str) -> str:
    """Replace each ``${name}`` once; what is put in is not looked at again."""
    parts = text.split("${")
    filled = [parts[0]]
    for part in parts[1:]:
        name, brace, rest = part.partition("}")
        known = brace and name in values
        filled.append(f"{values[name]}{rest}" if known else f"${{{part}")
    return "".join(filled)


def _note(message: str) -> str:
    return f'<p class="message">{html.escape(message)}</p>\n' if message else ""


def _in_words(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} seconds"
    return f"{round(seconds / 60)} minutes"
