"""The only registry that a resolver sees while an index is frozen.

A server on the loopback interface that answers as PEP 691 says.  Names that are
ours are answered from the pool, and never asked for anywhere else; every other
name is referred to the public registry, or not at all.  So a stranger's package
with a name of ours cannot get in, whatever its version (dependency confusion).
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import KarlError
from karl.recipe.release.base.names import PrivateNames, normalised
from karl.recipe.release.distributions.pep658 import metadata_digest, wheel_metadata
from karl.recipe.release.distributions.pool import WHEEL, Pool, Pooled

#: Seconds after which the end of serving is noticed.
_POLL = 0.02

_JSON = "application/vnd.pypi.simple.v1+json"


@dataclass
class RegistryView:
    """What the resolver may see.

    :ivar pool: where our own packages are.
    :ivar private: which names are ours.
    :ivar upstream: the public registry's simple index; empty: none, so that
        every name is answered from the pool.
    :ivar referred: the names that were referred to the public registry.
    :ivar problems: what went wrong while answering.
    """

    pool: Pool
    private: PrivateNames
    upstream: str
    referred: set[str] = field(default_factory=set)
    problems: list[KarlError] = field(default_factory=list)

    def referral(self, project: str) -> str | None:
        """Return where the resolver has to ask for *project*, if not here."""
        if not self.upstream or project in self.private:
            return None
        self.referred.add(project)
        return f"{self.upstream.rstrip('/')}/{project}/"

    def page(self, project: str) -> dict[str, Any] | None:
        """Return the page of a project that the pool has (PEP 691).

        A private name is never answered with what a public registry gave, under
        whatever index that got into the pool.
        """
        strangers = self.pool.fetched() if project in self.private else set()
        found = [
            pooled
            for pooled in self.pool.contents()
            if pooled.project == project and pooled.name not in strangers
        ]
        if not found:
            return None
        return {
            "meta": {"api-version": "1.1"},
            "name": project,
            "versions": sorted({pooled.version for pooled in found}),
            "files": [self._entry(pooled) for pooled in found],
        }

    def _entry(self, pooled: Pooled) -> dict[str, Any]:
        path = self.pool.path_of(pooled)
        entry: dict[str, Any] = {
            "filename": pooled.name,
            "url": f"/files/{pooled.name}",
            "hashes": {"sha256": files.sha256_of(path)},
            "size": path.stat().st_size,
        }
        if pooled.name.endswith(WHEEL):
            entry["core-metadata"] = {"sha256": metadata_digest(path)}
        return entry

    def content(self, name: str) -> bytes | None:
        """Return a file of the pool, or the metadata of a wheel in it."""
        plain = name.removesuffix(".metadata")
        if plain not in {pooled.name for pooled in self.pool.contents()}:
            return None
        path = self.pool.directory / plain
        return path.read_bytes() if plain == name else wheel_metadata(path)


@contextlib.contextmanager
def serving(view: RegistryView) -> Iterator[str]:
    """Serve *view* on a free loopback port and give the URL of its index."""
    handler = type("Handler", (_Handler,), {"view": view})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(_POLL,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/simple/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    """A server that a client may leave at any time."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep silent of a resolver that ended; print anything else, as it was."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    """Answers /simple/<project>/ and /files/<name>."""

    view: RegistryView
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with a page, a file or a referral."""
        try:
            self._get()
        except KarlError as error:
            self.view.problems.append(error)
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _get(self) -> None:
        kind, _, rest = unquote(self.path.partition("?")[0]).lstrip("/").partition("/")
        if kind == "simple":
            self._project(normalised(rest.strip("/")))
        elif kind == "files":
            self._answer(self.view.content(rest), "application/octet-stream")
        else:
            self._answer(None, "")

    def _project(self, project: str) -> None:
        referral = self.view.referral(project)
        if referral:
            self.send_response(HTTPStatus.TEMPORARY_REDIRECT)
            self.send_header("Location", referral)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        page = self.view.page(project)
        self._answer(None if page is None else json.dumps(page).encode(), _JSON)

    def _answer(self, content: bytes | None, kind: str) -> None:
        body = b"not found\n" if content is None else content
        status = HTTPStatus.NOT_FOUND if content is None else HTTPStatus.OK
        self.send_response(status)
        self.send_header("Content-Type", kind or "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Keep requests out of the operator's terminal."""
