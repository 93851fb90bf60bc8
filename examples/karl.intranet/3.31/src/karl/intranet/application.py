"""The WSGI application, for PasteDeploy and for customizations to build on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pyramid.config import Configurator
from pyramid.csrf import CookieCSRFStoragePolicy
from pyramid.httpexceptions import HTTPServiceUnavailable
from pyramid.request import Request
from pyramid.response import Response
from pyramid.router import Router
from pyramid_zodbconn import get_connection

from karl.intranet.content import SITE_KEY, Site
from karl.intranet.database import configuration_uri, prepare
from karl.intranet.page import render_page
from karl.intranet.settings import SiteSettings
from karl.intranet.theme import Theme

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def main(global_config: Mapping[str, str], **settings: str) -> Router:
    """The product without any customization (``egg:karl.intranet#main``)."""
    return application(global_config, settings)


def application(
    global_config: Mapping[str, str],
    settings: Mapping[str, str],
    *customizations: str,
) -> Router:
    """The product with the Pyramid includes named by ``customizations``.

    ``revision`` in the global configuration names the folder with ``zodb.conf``,
    and wins over any ``zodbconn.uri`` in the settings.
    """
    config = Configurator(settings={**settings, **_database(global_config)})
    config.include("karl.intranet.application")
    for customization in customizations:
        config.include(customization)
    config.commit()

    site_settings = SiteSettings.read(config.registry.settings)
    config.registry["karl.settings"] = site_settings
    config.registry["karl.theme"] = Theme(site_settings.theme)
    app = config.make_wsgi_app()
    prepare(config.registry._zodb_databases[""])
    return app


def _database(global_config: Mapping[str, str]) -> dict[str, str]:
    revision = global_config.get("revision")
    if not revision:
        return {}
    return {"zodbconn.uri": configuration_uri(Path(revision) / "zodb.conf")}


def includeme(config: Configurator) -> None:
    """Everything that the product adds to a Pyramid application."""
    config.add_settings(
        {
            "tm.manager_hook": "pyramid_tm.explicit_manager",
            "tm.commit_veto": "karl.intranet.application.commit_veto",
        }
    )
    for name in ("pyramid_retry", "pyramid_tm", "pyramid_zodbconn"):
        config.include(name)
    config.set_root_factory(site_root)
    config.set_csrf_storage_policy(
        CookieCSRFStoragePolicy(httponly=True, samesite="Lax")
    )
    config.set_default_csrf_options(require_csrf=True)
    config.add_request_method(
        lambda request: request.registry["karl.settings"], "site_settings", reify=True
    )
    config.add_renderer("page", render_page)
    config.add_static_view("static/karl", "karl.intranet:static", cache_max_age=86400)
    config.add_route("healthz", "/healthz", factory=no_context)
    config.add_route("home", "/")
    config.add_route("search", "/search")
    config.add_tween(
        "karl.intranet.tweens.refusals", over="pyramid_tm.tm_tween_factory"
    )
    config.add_tween("karl.intranet.tweens.headers")
    config.scan("karl.intranet.views")


def site_root(request: Request) -> Site:
    """The site that URLs are traversed from."""
    root = get_connection(request).root()
    if SITE_KEY not in root:
        reason = "There is no site in this database."
        raise HTTPServiceUnavailable(reason)
    site: Site = root[SITE_KEY]
    return site


def no_context(request: Request) -> None:
    """The context of pages that must work without a site."""


def commit_veto(request: Request, response: Response) -> bool:
    """Commit only what a form did and did well: reading never writes."""
    return request.method in SAFE_METHODS or response.status_int >= 400  # noqa: PLR2004
