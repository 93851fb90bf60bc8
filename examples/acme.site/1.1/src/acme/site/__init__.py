"""Acme's customization of karl.intranet."""

from __future__ import annotations

from pyramid.config import Configurator

DEFAULTS = {
    "karl.title": "Acme Hub",
    "karl.tagline": "Everything Acme knows",
    "karl.theme": "acme.site:theme/theme.xsl",
    "karl.stylesheets": "karl.intranet:static/karl.css acme.site:static/acme.css",
}


def includeme(config: Configurator) -> None:
    """Give settings that the ini file leaves open Acme's values."""
    for name, value in DEFAULTS.items():
        config.registry.settings.setdefault(name, value)
    config.include("acme.site.classification")
    config.add_static_view("static/acme", "acme.site:static", cache_max_age=86400)
