"""Who may change a site: whoever its processes run as."""

from __future__ import annotations

import os

from karl.recipe.evolve.declaration.layout import EvolveLayout
from karl.recipe.release.base.accounts import user_name
from karl.recipe.release.base.errors import RefusedError


def check(places: EvolveLayout, declared: str = "") -> None:
    """Refuse to leave files that the site's own user could not change.

    :param declared: whom the processes are to run as; empty: whoever owns the site.
    :raises RefusedError: this is another user.
    """
    user = os.geteuid()
    owner = places.root.stat().st_uid
    name = user_name(user)
    if user != owner:
        raise RefusedError(
            f"{places.root} belongs to {user_name(owner)}, and you are {name}.",
            f"Do it as that user: sudo -u '#{owner}' ...",
        )
    if declared not in {"", name}:
        raise RefusedError(
            f"The site runs as {declared}, and you are {name}.",
            f"Do it as that user: sudo -u {declared} ...",
        )
