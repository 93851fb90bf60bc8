"""The WSGI application of Globex's site."""

from __future__ import annotations

from collections.abc import Mapping

from pyramid.router import Router

from karl.intranet.application import application


def main(global_config: Mapping[str, str], **settings: str) -> Router:
    """The product as Globex has it (``egg:globex.site#main``)."""
    return application(global_config, settings, "globex.site")
