"""supervisord's configuration: itself, and a file for each server process."""

from __future__ import annotations

import shlex

from karl.recipe.release.base.supervisordconf import daemon, value
from karl.recipe.zeoserver.declaration.model import Central

#: Seconds that a server has to end: a large database's index is saved then.
STOP_WAIT = 120


def render_daemon(central: Central) -> str:
    """Return ``supervisord.conf``."""
    places = central.places
    lines = [
        "; Written by karl.recipe.zeoserver; the next buildout run writes it again.",
        *daemon(
            central.name,
            socket=places.supervisor_socket,
            log=places.supervisor_log,
            pid=places.supervisor_pid,
            logs=places.logs,
        ),
        "; One for each database copy that is served; zeoctl writes them.",
        "[include]",
        "files = programs/*.conf",
    ]
    return "\n".join(lines) + "\n"


def program(storage: str, side: str) -> str:
    """Return what supervisord calls the server of a side, such as ``acme-prod-a``."""
    return f"{storage}-{side}"


def render_program(central: Central, name: str, side: str) -> str:
    """Return the file of the process that serves *name* on *side*.

    It ends by itself with status 3 if there is nothing to serve: then it is not
    started again.  However else it ends, it is.
    """
    runner = shlex.quote(str(central.places.runner))
    output = central.storage_places(name).output(side)
    umask = "007" if central.socket_group else "077"
    lines = [
        "; Written by karl.recipe.zeoserver; zeoctl writes it again.",
        f"[program:{program(name, side)}]",
        f"command = {value(f'{runner} {name} {side}')}",
        "autostart = true",
        "autorestart = unexpected",
        "exitcodes = 3",
        "startsecs = 3",
        "startretries = 10",
        "stopsignal = TERM",
        f"stopwaitsecs = {STOP_WAIT}",
        f"umask = {umask}",
        "redirect_stderr = true",
        f"stdout_logfile = {value(output)}",
        "stdout_logfile_maxbytes = 10MB",
        "stdout_logfile_backups = 3",
    ]
    return "\n".join(lines) + "\n"
