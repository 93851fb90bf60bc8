"""The names of all options, and what they are by default."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from karl.recipe.evolve.declaration.model import MOMENTS

#: Every option of the part.
DEFAULTS: Mapping[str, str] = {
    "root": "",
    "storage": "",
    "zeo-command": "",
    "address": "",
    "public": "false",
    "workers": "2",
    "threads": "4",
    "application": "",
    "health-path": "/healthz",
    "mode-page": "",
    "retry-after": "60",
    "safe-posts": "",
    "process-control": "supervisord",
    "supervisord": "supervisord",
    "systemctl": "systemctl",
    "user": "",
    "request-timeout": "60",
    "cron": "",
    "evolve-packages": "",
    "evolve-context": "",
    "refresh-from": "",
    "scrub": "",
    **dict.fromkeys(MOMENTS, ""),
    "start-timeout": "60",
    "stop-timeout": "30",
    "health-timeout": "10",
    "hook-timeout": "300",
    "jobs-timeout": "300",
    "storage-timeout": "3600",
    "evolve-timeout": "86400",
    "window-limit": "0",
}

#: Options that zc.buildout itself puts into a section.
BUILDOUTS_OWN = frozenset(
    {"recipe", "__buildout_signature__", "__buildout_installed__"}
)


def unknown(given: Iterable[str], known: Iterable[str] = DEFAULTS) -> list[str]:
    """Tell of each option that there is not, and what may be meant.

    :param given: names of options.
    :param known: the names that there are.
    """
    names = sorted(known)
    return [_tell(name, names) for name in sorted(set(given) - set(names))]


def _tell(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"there is no option {name}; is {near[0]} meant?"
    return f"there is no option {name}; there are {', '.join(known)}"
