"""Every file of configuration that is written here, by its place."""

from __future__ import annotations

from pathlib import Path

from karl.recipe.evolve.declaration.model import Account, SiteDeclaration
from karl.recipe.evolve.rendering import cron, supervisorconf, systemdunits


def of(site: SiteDeclaration, account: Account, page: str | None) -> dict[Path, str]:
    """Return the text of each file.

    :param page: the customer's page for refusals; None: there is none.
    """
    places = site.places
    units = systemdunits.render(site, account)
    supervised = site.serving.control == "supervisord"
    return {
        **(
            {places.supervisord_conf: supervisorconf.render(site)} if supervised else {}
        ),
        **({places.mode_page: page} if page is not None else {}),
        places.crontab: cron.render(site, account),
        **{places.unit(name): text for name, text in units.items()},
        places.declaration: site.to_text(),
    }


def outdated(site: SiteDeclaration, written: dict[Path, str]) -> list[Path]:
    """Return files of ours that are not written any more."""
    places = site.places
    ours = [
        places.supervisord_conf,
        places.supervise_command,
        places.refresh_command,
        places.mode_page,
        *(places.unit(name) for name in sorted(systemdunits.possible(site))),
    ]
    return [path for path in ours if path.is_file() and path not in written]
