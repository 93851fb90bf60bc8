"""Data.fs must be where it is said to be: no link to another place.

A backup follows no link: it could lead anywhere.  And a pack renames the link, not
what it leads to, so that the new Data.fs would be on another disk than the old one.
"""

from __future__ import annotations

from karl.recipe.release.base.errors import RefusedError
from karl.recipe.zeoserver.layouts.copy import CopyLayout


def check(copy: CopyLayout) -> None:
    """Refuse a Data.fs that is a symbolic link.

    :raises RefusedError: it is.
    """
    if copy.data.is_symlink():
        raise RefusedError(
            f"{copy.data} is a symbolic link; it can be neither backed up nor packed.",
            f"Put the file itself there. A disk for databases is mounted at "
            f"{copy.root.parent}.",
        )
