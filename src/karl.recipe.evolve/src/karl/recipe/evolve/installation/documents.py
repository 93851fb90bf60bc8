"""Every file of configuration that is written here, by its place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from karl.recipe.evolve.declaration.layout import EvolveLayout
from karl.recipe.evolve.declaration.model import Account, SiteDeclaration
from karl.recipe.evolve.rendering import cron, supervisorconf, systemdunits
from karl.recipe.release.base import manuals


def of(site: SiteDeclaration, account: Account, page: str | None) -> dict[Path, str]:
    """Return the text of each file.

    :param page: the customer's page for refusals; None: there is none.
    """
    places = site.places
    units = systemdunits.render(site, account)
    supervised = site.serving.control == "supervisord"
    return {
        **manual(places, _with_manual(site)),
        **(
            {places.supervisord_conf: supervisorconf.render(site)} if supervised else {}
        ),
        **({places.mode_page: page} if page is not None else {}),
        places.crontab: cron.render(site, account),
        **{places.unit(name): text for name, text in units.items()},
        places.declaration: site.to_text(),
    }


def manual(places: EvolveLayout, commands: Sequence[str]) -> dict[Path, str]:
    """Return the man pages and the completion of commands of the site."""
    return manuals.texts(Path(__file__).parents[1], places.site.share, commands)


def _with_manual(site: SiteDeclaration) -> list[str]:
    places = site.places
    commands = [places.site_command, places.evolve_command, places.evolve_run_command]
    if site.refresh is not None:
        commands.append(places.refresh_command)
    return [path.name for path in commands]


def outdated(site: SiteDeclaration, written: dict[Path, str]) -> list[Path]:
    """Return files of ours that are not written any more."""
    places = site.places
    ours = [
        places.supervisord_conf,
        places.supervise_command,
        places.refresh_command,
        places.mode_page,
        *manuals.places(places.site.share, places.refresh_command.name),
        *(places.unit(name) for name in sorted(systemdunits.possible(site))),
    ]
    return [path for path in ours if path.is_file() and path not in written]
