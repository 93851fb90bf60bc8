"""The names of users and groups, and whom what is written belongs to."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

from karl.recipe.release.base.errors import RefusedError


def user_name(number: int) -> str:
    """Return the name of a user; the number, if nobody has it."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def group_name(number: int) -> str:
    """Return the name of a group; the number, if none has it."""
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def actor() -> str:
    """Return the name of whoever runs this, also where that is through sudo."""
    name = os.environ.get("SUDO_USER") or os.environ.get("LOGNAME") or ""
    printable = "".join(letter for letter in name if letter.isprintable())
    return printable or user_name(os.getuid())


def check_owner(root: Path, declared: str, what: str) -> tuple[str, str]:
    """Return the names of the user and the group of whoever runs this.

    :param declared: the user that the buildout names; empty: none.
    :param what: begins the sentence of who runs as that user.
    :raises RefusedError: it is another than the one who is declared, or who owns
        the root: one could not change what the other's commands wrote.
    """
    user = os.geteuid()
    name = user_name(user)
    if declared not in {"", name}:
        raise RefusedError(
            f"{what} as {declared}, and you are {name}: what you write, "
            f"{declared} could not change.",
            f"Run the buildout as that user: sudo -u {declared} ...",
        )
    owning = root.stat().st_uid if root.is_dir() else user
    if owning != user:
        raise RefusedError(
            f"{root} belongs to {user_name(owning)}, and you are {name}.",
            f"Run the buildout as that user: sudo -u '#{owning}' ...",
        )
    return name, group_name(os.getegid())
