"""The text of supervisord's configuration: what every one of ours has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def value(text: str | Path) -> str:
    """Return *text* as supervisor reads it back: ``%`` begins a name there."""
    return str(text).replace("%", "%%")


def daemon(
    name: str,
    *,
    socket: Path,
    log: Path,
    pid: Path,
    logs: Path,
    more: Sequence[str] = (),
) -> list[str]:
    """Return the sections of supervisord itself.

    Whether it goes into the background is said on its command line.

    :param name: what it calls itself.
    :param socket: where it is asked and told; only its user may.
    :param log: what it did.
    :param pid: a file for its process id.
    :param logs: the folder for what its processes print.
    :param more: lines for the section ``[supervisord]``.
    """
    return [
        "[unix_http_server]",
        f"file = {value(socket)}",
        "chmod = 0700",
        "",
        "[supervisord]",
        f"identifier = {name}",
        f"logfile = {value(log)}",
        "logfile_maxbytes = 10MB",
        "logfile_backups = 5",
        "loglevel = info",
        f"pidfile = {value(pid)}",
        f"childlogdir = {value(logs)}",
        *more,
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
        f"serverurl = unix://{value(socket)}",
        "",
    ]
