"""Whom the processes of a site run as."""

from __future__ import annotations

import grp
import os
import pwd

from karl.recipe.evolve.declaration.model import Account, SiteDeclaration
from karl.recipe.release.base.errors import RefusedError


def owner(site: SiteDeclaration) -> Account:
    """Return whom the processes run as: whoever runs this.

    :raises RefusedError: it is another than the one who is declared, or who owns
        the root: one could not change what the other's commands wrote.
    """
    user, group = os.geteuid(), os.getegid()
    name = _user(user)
    declared = site.serving.user
    if declared not in {"", name}:
        raise RefusedError(
            f"The site runs as {declared}, and you are {name}: what you write, "
            f"{declared} could not change.",
            f"Run the buildout as that user: sudo -u {declared} ...",
        )
    root = site.places.root
    owning = root.stat().st_uid if root.is_dir() else user
    if owning != user:
        raise RefusedError(
            f"{root} belongs to {_user(owning)}, and you are {name}.",
            f"Run the buildout as that user: sudo -u '#{owning}' ...",
        )
    return Account(name, _group(group))


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
