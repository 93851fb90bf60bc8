"""When timers go off, as it is written in options."""

from __future__ import annotations

import re

from karl.recipe.release.base.errors import UsageError
from karl.recipe.zeoserver.declaration.model import Schedule

#: Monday is 0.
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_FORM = re.compile(r"(\S+) +(?:([01]?[0-9]|2[0-3])|):([0-5][0-9])\Z")


def parse(text: str) -> Schedule | None:
    """Return the schedule that *text* names, or None for ``never``.

    :raises UsageError: it is not of one of the four forms.
    """
    if text.lower() == "never":
        return None
    found = _FORM.match(text)
    if not found:
        raise _form()
    word, hour, minute = found[1].lower(), found[2], int(found[3])
    if (word == "hourly") != (hour is None):
        raise _form()
    if word == "hourly":
        return Schedule(minute)
    days = () if word == "daily" else tuple(sorted({*map(_day, word.split(","))}))
    return Schedule(minute, int(hour), days)


def _day(text: str) -> int:
    try:
        return DAYS.index(text.capitalize())
    except ValueError:
        raise _form() from None


def _form() -> UsageError:
    return UsageError(
        "it is none of: never, hourly :MM, daily HH:MM, Sun HH:MM, Mon,Wed HH:MM"
    )
