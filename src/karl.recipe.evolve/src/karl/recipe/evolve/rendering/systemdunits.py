"""Units for systemd: the site's socket, and a service for each process.

Or, where supervisord runs the processes, the one service that starts that.
"""

from __future__ import annotations

import math
import shlex

from karl.recipe.evolve.declaration.model import Account, SiteDeclaration
from karl.recipe.evolve.rendering.supervisorconf import STOP_MARGIN
from karl.recipe.release.base.systemdunits import CLOSED, command, unit, value, word

_WRITTEN = "# Written by karl.recipe.evolve; the next buildout run writes it again."


def target(site: SiteDeclaration) -> str:
    """Return the unit that all of a site belongs to."""
    return f"{site.name}.target"


def worker(site: SiteDeclaration, number: int | str) -> str:
    """Return the unit of a process."""
    return f"{site.name}@{number}.service"


def all_started(site: SiteDeclaration) -> list[str]:
    """Return every unit that starting the site starts."""
    numbers = range(1, site.serving.workers + 1)
    return [
        target(site),
        f"{site.name}.socket",
        *(worker(site, number) for number in numbers),
    ]


def render(site: SiteDeclaration, account: Account) -> dict[str, str]:
    """Return every unit, by the name of its file."""
    if site.serving.control == "supervisord":
        return {f"{site.name}.service": _supervise(site, account)}
    return {
        target(site): _target(site),
        f"{site.name}.socket": _socket(site, account),
        worker(site, ""): _worker(site, account),
    }


def possible(site: SiteDeclaration) -> set[str]:
    """Return every name that :func:`render` could give."""
    return {
        f"{site.name}.service",
        f"{site.name}.socket",
        target(site),
        worker(site, ""),
    }


def _supervise(site: SiteDeclaration, account: Account) -> str:
    return unit(
        [
            *_how(site, f"{site.name}.service"),
            "[Unit]",
            f"Description=Site {site.name}",
            "After=network.target",
            f"RequiresMountsFor={word(site.root)}",
            "",
            "[Service]",
            "Type=exec",
            f"ExecStart={command(site.places.supervise_command)}",
            *_run_as(site, account),
            "KillMode=mixed",
            f"TimeoutStopSec={_stop(site) + 10}",
            "Restart=on-failure",
            "RestartSec=5",
            "",
            "[Install]",
            "WantedBy=multi-user.target",
        ]
    )


def _target(site: SiteDeclaration) -> str:
    numbers = range(1, site.serving.workers + 1)
    wants = " ".join(worker(site, number) for number in numbers)
    return unit(
        [
            *_how(site, target(site)),
            "[Unit]",
            f"Description=Site {site.name}",
            f"Requires={site.name}.socket",
            f"Wants={wants}",
            "",
            "[Install]",
            "WantedBy=multi-user.target",
        ]
    )


def _socket(site: SiteDeclaration, account: Account) -> str:
    address = site.serving.address
    listen = str(address) if not address.path else value(address.path)
    mode = (
        [
            "SocketMode=0660",
            f"SocketUser={account.user}",
            f"SocketGroup={account.group}",
        ]
        if address.path
        else []
    )
    return unit(
        [
            _WRITTEN,
            "# It stays open while processes are restarted, so that no request fails.",
            "[Unit]",
            f"Description=Socket of site {site.name}",
            f"PartOf={target(site)}",
            "",
            "[Socket]",
            f"ListenStream={listen}",
            *mode,
            "Backlog=1024",
            f"Service={worker(site, 1)}",
        ]
    )


def _worker(site: SiteDeclaration, account: Account) -> str:
    return unit(
        [
            _WRITTEN,
            "[Unit]",
            f"Description=Site {site.name}, process %i",
            "After=network.target",
            f"PartOf={target(site)}",
            f"RequiresMountsFor={word(site.root)}",
            "StartLimitIntervalSec=0",
            "",
            "[Service]",
            "Type=exec",
            f"ExecStart={command(site.places.worker_command)} %i",
            f"Sockets={site.name}.socket",
            *_run_as(site, account),
            "KillMode=mixed",
            f"TimeoutStopSec={_stop(site)}",
            "Restart=always",
            "RestartSec=1",
        ]
    )


def _how(site: SiteDeclaration, unit: str) -> list[str]:
    folder = shlex.quote(str(site.places.systemd))
    return [
        _WRITTEN,
        "# Let systemd know the units of this folder, and start them:",
        f"#   systemctl link {folder}/*",
        f"#   systemctl enable --now {unit}",
    ]


def _stop(site: SiteDeclaration) -> int:
    return math.ceil(site.timeouts.stop + STOP_MARGIN)


def _run_as(site: SiteDeclaration, account: Account) -> list[str]:
    return [
        f"User={account.user}",
        f"Group={account.group}",
        "UMask=0027",
        f"WorkingDirectory={value(site.root)}",
        "LimitNOFILE=65536",
        *CLOSED,
    ]
