"""The WSGI application of Acme's site."""

from __future__ import annotations

from collections.abc import Mapping

from pyramid.router import Router

from karl.intranet.application import application


def main(global_config: Mapping[str, str], **settings: str) -> Router:
    """The product as Acme has it (``egg:acme.site#main``)."""
    return application(global_config, settings, "acme.site")
