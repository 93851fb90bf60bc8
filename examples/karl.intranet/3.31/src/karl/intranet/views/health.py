"""The health of the site, for whoever watches over it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from pyramid.request import Request
from pyramid.view import view_config
from pyramid_zodbconn import get_connection

from karl.intranet.versions import read_status


@view_config(route_name="healthz", renderer="json", http_cache=0)
def healthz(request: Request) -> dict[str, Any]:
    """The versions of software and database; answered means alive.

    ``evolved`` is false while evolve steps are pending.
    """
    status = read_status(get_connection(request).root())
    return {
        "status": "ok",
        "evolved": all(package.state == "current" for package in status),
        "packages": {
            package.distribution: {
                "release": version(package.distribution),
                "software": package.software,
                "database": package.database,
            }
            for package in status
        },
    }
