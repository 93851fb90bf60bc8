"""supervisord's configuration: one socket, and the processes that serve from it."""

from __future__ import annotations

import math
import shlex
from pathlib import Path

from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.release.base.supervisordconf import daemon, value

#: Name of the group of processes.
GROUP = "site"

#: Seconds that a process has beyond the time for its last requests.
STOP_MARGIN = 10.0


def render(site: SiteDeclaration) -> str:
    """Return ``supervisord.conf``."""
    places = site.places
    address = site.serving.address
    lines = [
        "; Written by karl.recipe.evolve; the next buildout run writes it again.",
        *daemon(
            site.name,
            socket=places.supervisor_socket,
            log=places.supervisor_log,
            pid=places.supervisor_pid,
            logs=places.logs,
            more=[f"directory = {value(places.root)}"],
        ),
        "; It holds the socket; each process inherits it and serves from it, so that",
        "; one after the other can be restarted.",
        f"[fcgi-program:{GROUP}]",
        f"command = {_command(places.worker_command)}",
        f"socket = {_socket(site)}",
        *(["socket_mode = 0660"] if address.path else []),
        "socket_backlog = 1024",
        "process_name = worker-%(process_num)d",
        f"numprocs = {site.serving.workers}",
        "numprocs_start = 1",
        "autostart = true",
        "autorestart = true",
        "startsecs = 5",
        "startretries = 100",
        "stopsignal = TERM",
        f"stopwaitsecs = {math.ceil(site.timeouts.stop + STOP_MARGIN)}",
        "killasgroup = true",
        "redirect_stderr = true",
        f"stdout_logfile = {_log(places.logs)}",
        "stdout_logfile_maxbytes = 10MB",
        "stdout_logfile_backups = 3",
    ]
    return "\n".join(lines) + "\n"


def _socket(site: SiteDeclaration) -> str:
    address = site.serving.address
    if address.path:
        return f"unix://{value(address.path)}"
    return f"tcp://{address}"


def _command(program: Path) -> str:
    return f"{value(shlex.quote(str(program)))} %(process_num)d"


def _log(folder: Path) -> str:
    return f"{value(folder)}/worker-%(process_num)d.log"
