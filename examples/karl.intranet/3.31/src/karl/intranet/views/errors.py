"""What is shown instead of a page."""

from __future__ import annotations

from pyramid.exceptions import BadCSRFOrigin, BadCSRFToken
from pyramid.httpexceptions import HTTPServiceUnavailable
from pyramid.request import Request
from pyramid.view import exception_view_config, notfound_view_config

from karl.intranet.html import h
from karl.intranet.page import Page


@notfound_view_config(renderer="page", append_slash=False)
def not_found(request: Request) -> Page:
    """There is no such page."""
    return Page(
        "Not found",
        h(
            "p",
            "There is no such page. Perhaps ",
            h("a", "search", href=request.route_path("search")),
            " finds it.",
        ),
        kind="refusal",
        status=404,
    )


@exception_view_config(BadCSRFToken, renderer="page")
@exception_view_config(BadCSRFOrigin, renderer="page")
def forged(request: Request) -> Page:  # noqa: ARG001 - Pyramid's signature
    """The form did not come from this site, or not from this browser session."""
    return Page(
        "Please send the form again",
        h("p", "It is not certain that the form came from this site."),
        kind="refusal",
        status=400,
    )


@exception_view_config(UnicodeDecodeError, renderer="page")
def undecodable(request: Request) -> Page:  # noqa: ARG001 - Pyramid's signature
    """An address or a form that is not UTF-8: no browser sends such."""
    return Page(
        "Not understood",
        h("p", "The address or the form holds bytes that are no text."),
        kind="refusal",
        status=400,
    )


@exception_view_config(HTTPServiceUnavailable, renderer="page")
def unavailable(exception: HTTPServiceUnavailable, request: Request) -> Page:  # noqa: ARG001
    """The site cannot be shown at all."""
    return Page(
        "Not available", h("p", str(exception.detail)), kind="refusal", status=503
    )
