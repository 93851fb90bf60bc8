"""What surrounds every request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pyramid.registry import Registry
from pyramid.request import Request
from pyramid.response import Response
from ZODB.POSException import ReadOnlyError

from karl.intranet.html import h
from karl.intranet.page import Page, page_response

Handler: TypeAlias = Callable[[Request], Response]

# Pages hold no script at all, and styles come from the static views only.
POLICY = (
    "default-src 'self'; script-src 'none'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)


def headers(handler: Handler, registry: Registry) -> Handler:  # noqa: ARG001
    """Tell browsers to be strict with what the site sends them."""

    def tween(request: Request) -> Response:
        response = handler(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        return response

    return tween


def refusals(handler: Handler, registry: Registry) -> Handler:  # noqa: ARG001
    """Answer a change that a read-only database refuses with a friendly 503."""

    def tween(request: Request) -> Response:
        try:
            return handler(request)
        except ReadOnlyError:
            page = Page(
                "Read-only for a moment",
                h(
                    "p",
                    "The site is being looked after: everything can be read, but"
                    " nothing can be changed just now. Go back, and save again in"
                    " a minute.",
                ),
                kind="refusal",
                status=503,
            )
            response = page_response(page, request)
            response.headers["Retry-After"] = "60"
            return response

    return tween
