"""The names of all options, and what they are by default."""

from __future__ import annotations

from collections.abc import Mapping

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
