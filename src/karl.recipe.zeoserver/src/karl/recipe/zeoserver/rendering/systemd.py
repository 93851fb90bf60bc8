"""Units for systemd: the servers with the box, and a timer for each task."""

from __future__ import annotations

import shlex
from pathlib import Path

from karl.recipe.release.base import systemdunits
from karl.recipe.release.base.systemdunits import command, unit, word
from karl.recipe.zeoserver.declaration.model import Account, Central, Schedule
from karl.recipe.zeoserver.declaration.schedules import DAYS
from karl.recipe.zeoserver.rendering import timers
from karl.recipe.zeoserver.rendering.supervisorconf import STOP_WAIT
from karl.recipe.zeoserver.rendering.timers import Timer

_WRITTEN = "# Written by karl.recipe.zeoserver; the next buildout run writes it again."

#: What no server and no backup needs.  Nothing here mounts a folder anew: links
#: between a database and its backups cannot cross a mount.
_CLOSED = (
    *systemdunits.CLOSED,
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
)

#: Folders that ``ProtectSystem=full`` closes to writing.
_SYSTEM = ("/boot", "/efi", "/etc", "/usr")


def render(central: Central, account: Account) -> dict[str, str]:
    """Return every unit, by the name of its file."""
    units = {f"{central.name}.service": _servers(central, account)}
    for timer in timers.of(central):
        name = f"{central.name}-{timer.verb}-{timer.storage}"
        units[f"{name}.service"] = _task(central, account, timer)
        units[f"{name}.timer"] = _timer(central, timer)
    return units


def is_ours(central: Central, unit: str) -> bool:
    """Tell whether a file's name is one that :func:`render` could give."""
    tasks = tuple(f"{central.name}-{verb}-" for verb in timers.VERBS)
    return unit.startswith(tasks) and unit.endswith((".service", ".timer"))


def calendar(schedule: Schedule) -> str:
    """Return a schedule as ``OnCalendar=`` takes it."""
    hour = "*" if schedule.hour is None else f"{schedule.hour:02}"
    days = ",".join(DAYS[day] for day in schedule.days)
    return f"{days} *-*-* {hour}:{schedule.minute:02}:00".strip()


def _servers(central: Central, account: Account) -> str:
    folder = shlex.quote(str(central.places.systemd))
    return unit(
        [
            _WRITTEN,
            "# Let systemd know all units of this folder, and start them:",
            f"#   systemctl link {folder}/*",
            f"#   systemctl enable --now {central.name}.service",
            f"#   systemctl enable --now {folder}/*.timer",
            "[Unit]",
            f"Description=ZEO servers of {central.name}",
            "After=network.target",
            f"RequiresMountsFor={word(central.root)}",
            "",
            "[Service]",
            "Type=exec",
            f"ExecStart={command(central.places.supervise)}",
            *_run_as(central, account),
            "KillMode=mixed",
            f"TimeoutStopSec={STOP_WAIT + 30}",
            "Restart=on-failure",
            "RestartSec=5",
            "LimitNOFILE=65536",
            "",
            "[Install]",
            "WantedBy=multi-user.target",
        ]
    )


def _task(central: Central, account: Account, timer: Timer) -> str:
    return unit(
        [
            _WRITTEN,
            "[Unit]",
            f"Description={timer.title} {timer.storage}",
            f"After={central.name}.service",
            f"RequiresMountsFor={_mounts(central, timer.storage)}",
            "",
            "[Service]",
            "Type=oneshot",
            f"ExecStart={command(central.places.zeoctl, *timer.arguments)}",
            *_run_as(central, account),
            "Nice=10",
            "IOSchedulingPriority=7",
        ]
    )


def _timer(central: Central, timer: Timer) -> str:
    return unit(
        [
            _WRITTEN,
            "[Unit]",
            f"Description={timer.title} {timer.storage}",
            "",
            "[Timer]",
            f"OnCalendar={calendar(timer.schedule)}",
            "Persistent=true",
            "",
            "[Install]",
            "WantedBy=timers.target",
        ]
    )


def _run_as(central: Central, account: Account) -> list[str]:
    lines = [f"User={account.user}", f"Group={account.group}", "UMask=0027", *_CLOSED]
    written = [central.root, *(each.repository for each in central.storages.values())]
    if not any(Path(path).is_relative_to(top) for path in written for top in _SYSTEM):
        lines.append("ProtectSystem=full")
    return lines


def _mounts(central: Central, name: str) -> str:
    """Return the folders without whose disks a task is not begun."""
    declared = central.storages[name]
    folders = [central.root, declared.repository, declared.scratch]
    return " ".join(word(folder) for folder in folders if folder)
