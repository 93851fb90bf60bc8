"""The same timers for cron, in the form of a file in ``/etc/cron.d``."""

from __future__ import annotations

import shlex

from karl.recipe.zeoserver.declaration.model import Account, Central, Schedule
from karl.recipe.zeoserver.rendering import timers


def render(central: Central, account: Account) -> str:
    """Return the file; who has systemd's timers does not need it."""
    lines = [
        "# Written by karl.recipe.zeoserver; the next buildout run writes it again.",
        "# For a machine without systemd: copy it into /etc/cron.d/.",
        "SHELL=/bin/sh",
        f"@reboot {account.user} {_command(central, 'start', '--all', '--quiet')}",
        *(_line(central, account, timer) for timer in timers.of(central)),
    ]
    return "\n".join(lines) + "\n"


def times(schedule: Schedule) -> str:
    """Return the five fields of a schedule; cron's Sunday is 0."""
    hour = "*" if schedule.hour is None else str(schedule.hour)
    days = ",".join(str(day) for day in sorted((day + 1) % 7 for day in schedule.days))
    return f"{schedule.minute} {hour} * * {days or '*'}"


def _line(central: Central, account: Account, timer: timers.Timer) -> str:
    command = _command(central, *timer.arguments)
    return f"{times(timer.schedule)} {account.user} {command}"


def _command(central: Central, *arguments: str) -> str:
    """Return what runs zeoctl; cron makes line ends of "%", also of quoted ones."""
    words = shlex.join([str(central.places.zeoctl), *arguments])
    return f"{words} >/dev/null".replace("%", r"\%")
