"""Asking a registry which files it has: the simple repository API.

JSON as PEP 691 has it, or HTML as PEP 503 has it where a mirror knows no other.
"""

from __future__ import annotations

import html.parser
import json
import os
import sys
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from karl.recipe.release.base import process
from karl.recipe.release.base.errors import KarlError, UnreachableError
from karl.recipe.release.indexes import web

_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{_JSON}, text/html;q=0.1"
_LARGEST_PAGE = 64 << 20


def default_registry() -> str:
    """Return the registry that pip would ask: as configured, else PyPI.

    So bootstrapping, freezing and fetching all follow one setting:
    ``PIP_INDEX_URL`` or ``index-url`` in pip's configuration.
    """
    named = os.environ.get("PIP_INDEX_URL") or _configured()
    if named:
        return named
    from pip._internal.models.index import PyPI

    return f"{PyPI.simple_url}/"


def _configured() -> str:
    argv = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    try:
        return process.run(argv).strip()
    except KarlError:
        return ""


def project_urls(registry: str, project: str) -> dict[str, str]:
    """Return the URL of every file that *registry* has of a project, by name.

    :param project: normalised.
    :raises UnreachableError: the registry does not answer, has no such project,
        or its answer cannot be understood.
    """
    page = f"{registry.rstrip('/')}/{project}/"
    try:
        with web.opened(page, _ACCEPT) as answer:
            kind = answer.headers.get_content_type()
            content = _bounded(web.chunks(answer))
            base = answer.url
            whole = len(content) >= web.announced_size(answer)
    except OSError as error:
        raise UnreachableError(
            f"The registry does not answer for {project}: {error}.",
            "Check the network (proxy, certificates, pip's index-url).",
        ) from error
    if not whole:
        raise UnreachableError(
            f"The registry's page of {project} broke off.", "Run it again."
        )
    try:
        found = _READERS[kind](content)
        return {
            str(name): urldefrag(urljoin(base, _text(url))).url
            for name, url in found.items()
        }
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise UnreachableError(
            f"The registry's page of {project} cannot be read: {error}.",
            "Use a registry with the simple repository API (PEP 503, PEP 691).",
        ) from error


def _bounded(chunks: Iterable[bytes]) -> bytes:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > _LARGEST_PAGE:
            raise OSError("the page is larger than any page should be")
    return bytes(content)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a URL")
    return value


def _from_json(content: bytes) -> dict[str, str]:
    page: dict[str, Any] = json.loads(content)
    return {entry["filename"]: entry["url"] for entry in page["files"]}


def _from_html(content: bytes) -> dict[str, str]:
    reader = _Anchors()
    reader.feed(content.decode())
    return {os.path.basename(unquote(urlsplit(url).path)): url for url in reader.found}


#: What a page may be, and who reads it.
_READERS = {_JSON: _from_json, "text/html": _from_html}


class _Anchors(html.parser.HTMLParser):
    """Collects where the anchors of a page lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]
