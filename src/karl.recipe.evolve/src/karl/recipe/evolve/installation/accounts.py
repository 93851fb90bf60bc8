"""Whom the processes of a site run as."""

from __future__ import annotations

from karl.recipe.evolve.declaration.model import Account, SiteDeclaration
from karl.recipe.release.base.accounts import check_owner


def owner(site: SiteDeclaration) -> Account:
    """Return whom the processes run as: whoever runs this.

    :raises RefusedError: it is another than the one who is declared, or who owns
        the root: one could not change what the other's commands wrote.
    """
    return Account(*check_owner(site.places.root, site.serving.user, "The site runs"))
