"""Whom the servers run as, and who may connect to their sockets."""

from __future__ import annotations

import grp
import os
import pwd

from karl.recipe.release.base.errors import PrerequisiteError, RefusedError
from karl.recipe.zeoserver.declaration.model import Account, Central


def owner(central: Central) -> Account:
    """Return whom the servers run as: whoever runs this.

    :raises RefusedError: it is another than the one who is declared, or who owns
        the root: one could not change what the other's commands wrote.
    """
    user, group = os.geteuid(), os.getegid()
    name = _user(user)
    if central.user not in {"", name}:
        raise RefusedError(
            f"The servers run as {central.user}, and you are {name}: what you write, "
            f"{central.user} could not change.",
            f"Run the buildout as that user: sudo -u {central.user} ...",
        )
    root = central.places.root
    owning = root.stat().st_uid if root.is_dir() else user
    if owning != user:
        raise RefusedError(
            f"{root} belongs to {_user(owning)}, and you are {name}.",
            f"Run the buildout as that user: sudo -u '#{owning}' ...",
        )
    return Account(name, _group(group))


def socket_group(central: Central) -> int:
    """Return the number of the group that may connect; -1: there is none.

    :raises PrerequisiteError: this machine does not know it.
    :raises RefusedError: who runs this does not belong to it.
    """
    wanted = central.socket_group
    if not wanted:
        return -1
    try:
        number = grp.getgrnam(wanted).gr_gid
    except KeyError:
        raise PrerequisiteError(
            f"There is no group {wanted} on this machine.",
            f"Make it (addgroup {wanted}), or correct socket-group.",
        ) from None
    if os.geteuid() != 0 and number not in {os.getegid(), *os.getgroups()}:
        raise RefusedError(
            f"{_user(os.geteuid())} is not in the group {wanted} and cannot give it "
            "a folder.",
            f"Add the user to it (adduser USER {wanted}) and log in again.",
        )
    return number


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
