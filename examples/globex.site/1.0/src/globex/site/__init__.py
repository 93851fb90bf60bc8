"""Globex's customization of karl.intranet."""

from __future__ import annotations

from pyramid.config import Configurator

from karl.intranet.html import h
from karl.intranet.page import PageAssembled

DEFAULTS = {
    "karl.title": "Globex Commons",
    "karl.tagline": "One world, one desk",
    "karl.theme": "globex.site:theme/theme.xsl",
    "karl.stylesheets": "karl.intranet:static/karl.css globex.site:static/globex.css",
    "globex.helpdesk": "help@globex.example",
}


def includeme(config: Configurator) -> None:
    """Give settings that the ini file leaves open Globex's values."""
    for name, value in DEFAULTS.items():
        config.registry.settings.setdefault(name, value)
    config.add_static_view("static/globex", "globex.site:static", cache_max_age=86400)
    config.add_subscriber(add_helpdesk, PageAssembled)


def add_helpdesk(event: PageAssembled) -> None:
    """Tell the theme where to ask for help."""
    address = event.request.registry.settings["globex.helpdesk"]
    event.document.append(h("helpdesk", address))
