"""supervisord's configuration: one socket, and the processes that serve from it."""

from __future__ import annotations

import math
import shlex
from pathlib import Path

from karl.recipe.evolve.declaration.model import SiteDeclaration

#: Name of the group of processes.
GROUP = "site"

#: Seconds that a process has beyond the time for its last requests.
STOP_MARGIN = 10.0


def render(site: SiteDeclaration) -> str:
    """Return ``supervisord.conf``.

    Whether it goes into the background is said on its command line.
    """
    places = site.places
    socket = _value(places.supervisor_socket)
    address = site.serving.address
    lines = [
        "; Written by karl.recipe.evolve; the next buildout run writes it again.",
        "[unix_http_server]",
        f"file = {socket}",
        "chmod = 0700",
        "",
        "[supervisord]",
        f"identifier = {site.name}",
        f"logfile = {_value(places.supervisor_log)}",
        "logfile_maxbytes = 10MB",
        "logfile_backups = 5",
        "loglevel = info",
        f"pidfile = {_value(places.supervisor_pid)}",
        f"childlogdir = {_value(places.logs)}",
        f"directory = {_value(places.root)}",
        "umask = 027",
        "strip_ansi = true",
        "",
        "[rpcinterface:supervisor]",
        (
            "supervisor.rpcinterface_factory = "
            "supervisor.rpcinterface:make_main_rpcinterface"
        ),
        "",
        "[supervisorctl]",
        f"serverurl = unix://{socket}",
        "",
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
        return f"unix://{_value(address.path)}"
    return f"tcp://{address}"


def _command(program: Path) -> str:
    return f"{_value(shlex.quote(str(program)))} %(process_num)d"


def _log(folder: Path) -> str:
    return f"{_value(folder)}/worker-%(process_num)d.log"


def _value(text: str | Path) -> str:
    """Return *text* as supervisor reads it back: ``%`` begins a name there."""
    return str(text).replace("%", "%%")
