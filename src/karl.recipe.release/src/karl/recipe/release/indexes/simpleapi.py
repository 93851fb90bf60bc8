"""Asking a registry which files it has: the simple repository API.

JSON as PEP 691 has it, or HTML as PEP 503 has it where a mirror knows no other.
"""

from __future__ import annotations

import html.parser
import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from karl.recipe.release.base import process
from karl.recipe.release.base.errors import KarlError, UnreachableError, UsageError

_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{_JSON}, text/html;q=0.1"
_TIMEOUT = 60.0

#: What a registry's URL may begin with; file: and others are never opened.
SCHEMES = ("https", "http")


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
    :raises UnreachableError: the registry does not answer, or has no such
        project.
    """
    page = f"{registry.rstrip('/')}/{project}/"
    if urlsplit(page).scheme not in SCHEMES:
        raise UsageError(
            f"The registry {registry} is not a web address.",
            "Give the URL of its simple index, or correct pip's index-url.",
        )
    request = urllib.request.Request(page, headers={"Accept": _ACCEPT})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            kind = answer.headers.get_content_type()
            content = answer.read()
            base = answer.url
    except (OSError, urllib.error.URLError) as error:
        raise UnreachableError(
            f"The registry does not answer for {project}: {error}.",
            "Check the network (proxy, certificates, pip's index-url).",
        ) from error
    try:
        found = _from_json(content) if kind == _JSON else _from_html(content)
    except (ValueError, KeyError, TypeError) as error:
        raise UnreachableError(
            f"The registry's page of {project} cannot be read: {error}.",
            "Use a registry with the simple repository API (PEP 503, PEP 691).",
        ) from error
    return {name: urldefrag(urljoin(base, url)).url for name, url in found.items()}


def _from_json(content: bytes) -> dict[str, str]:
    page: dict[str, Any] = json.loads(content)
    return {entry["filename"]: entry["url"] for entry in page["files"]}


def _from_html(content: bytes) -> dict[str, str]:
    reader = _Anchors()
    reader.feed(content.decode())
    return {os.path.basename(unquote(urlsplit(url).path)): url for url in reader.found}


class _Anchors(html.parser.HTMLParser):
    """Collects where the anchors of a page lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]
