"""The cron jobs of a site, in the form of a file in ``/etc/cron.d``."""

from __future__ import annotations

import shlex

from karl.recipe.evolve.declaration.model import Account, SiteDeclaration


def render(site: SiteDeclaration, account: Account) -> str:
    """Return the file; it is empty of jobs if none are declared.

    No job begins while jobs are inhibited, or the site is in another mode than
    normal.
    """
    command = str(site.places.site_command)
    lines = [
        "# Written by karl.recipe.evolve; the next buildout run writes it again.",
        "# Copy it into /etc/cron.d/.",
        "SHELL=/bin/sh",
    ]
    if site.serving.control == "supervisord":
        lines += [
            "# Only for a machine without systemd:",
            f"#@reboot {account.user} {_words([command, 'start', '--quiet'])}",
        ]
    for each in site.cron:
        words = _words([command, "run-if-normal", "--", *each.command])
        lines.append(f"{each.times} {account.user} {words}")
    return "\n".join(lines) + "\n"


def _words(words: list[str]) -> str:
    """Return a command; cron makes line ends of "%", also of quoted ones."""
    return shlex.join(words).replace("%", r"\%")
