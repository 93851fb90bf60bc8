"""Every file of configuration that is written here, by its place."""

from __future__ import annotations

from pathlib import Path

from karl.recipe.release.base import manuals
from karl.recipe.zeoserver.declaration.model import Account, Central
from karl.recipe.zeoserver.rendering import cron, logrotate, supervisorconf, systemd


def of(central: Central, account: Account) -> dict[Path, str]:
    """Return the text of each file.

    What clients and servers read of a copy is not among them: it is written for
    each copy that is served.
    """
    places = central.places
    units = systemd.render(central, account)
    package = Path(__file__).parents[1]
    return {
        **manuals.texts(
            package, places.share, [places.zeoctl.name, places.zeoctl_ssh.name]
        ),
        places.supervisord_conf: supervisorconf.render_daemon(central),
        places.crontab: cron.render(central, account),
        places.logrotate: logrotate.render(central, account),
        **{places.unit(name): text for name, text in units.items()},
        places.declaration: central.to_text(),
    }


def outdated_units(central: Central, written: dict[Path, str]) -> list[Path]:
    """Return units of ours that are not written any more."""
    folder = central.places.systemd
    if not folder.is_dir():
        return []
    return [
        path
        for path in sorted(folder.iterdir())
        if systemd.is_ours(central, path.name) and path not in written
    ]
