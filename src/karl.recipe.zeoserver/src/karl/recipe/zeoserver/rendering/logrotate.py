"""Rotation of the servers' logs; supervisord rotates its own."""

from __future__ import annotations

import shlex

from karl.recipe.zeoserver.declaration.model import Account, Central
from karl.recipe.zeoserver.layouts.storage import SIDES
from karl.recipe.zeoserver.rendering.supervisorconf import program


def render(central: Central, account: Account) -> str:
    """Return the file, to be copied into ``/etc/logrotate.d``.

    A server opens its log anew when it gets SIGUSR2.  One that does not run
    needs nothing: it opens a new one when it starts.
    """
    lines = [
        "# Written by karl.recipe.zeoserver; the next buildout run writes it again.",
        "# Copy it into /etc/logrotate.d/: logrotate reads nothing but root's files.",
        *(
            line
            for name in sorted(central.storages)
            for line in _stanza(central, account, name)
        ),
    ]
    return "\n".join(lines) + "\n"


def _stanza(central: Central, account: Account, name: str) -> list[str]:
    places = central.storage_places(name)
    return [
        "",
        *(f'"{places.log(side)}"' for side in SIDES),
        "{",
        f"    su {account.user} {account.group}",
        "    weekly",
        "    maxsize 100M",
        "    rotate 12",
        "    missingok",
        "    notifempty",
        "    nocreate",
        "    compress",
        "    delaycompress",
        "    sharedscripts",
        "    postrotate",
        f"        {_reopen(central, name)}",
        "    endscript",
        "}",
    ]


def _reopen(central: Central, name: str) -> str:
    words = [
        str(central.places.supervisorctl),
        "-c",
        str(central.places.supervisord_conf),
        "signal",
        "USR2",
        *(program(name, side) for side in SIDES),
    ]
    return f"{shlex.join(words)} >/dev/null 2>&1 || true"
