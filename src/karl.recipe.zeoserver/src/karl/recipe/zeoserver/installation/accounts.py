"""Whom the servers run as, and who may connect to their sockets."""

from __future__ import annotations

import grp
import os

from karl.recipe.release.base.accounts import check_owner, user_name
from karl.recipe.release.base.errors import PrerequisiteError, RefusedError
from karl.recipe.zeoserver.declaration.model import Account, Central


def owner(central: Central) -> Account:
    """Return whom the servers run as: whoever runs this.

    :raises RefusedError: it is another than the one who is declared, or who owns
        the root: one could not change what the other's commands wrote.
    """
    return Account(*check_owner(central.places.root, central.user, "The servers run"))


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
            f"{user_name(os.geteuid())} is not in the group {wanted} and cannot give "
            "it a folder.",
            f"Add the user to it (adduser USER {wanted}) and log in again.",
        )
    return number
