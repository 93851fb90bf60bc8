"""Pages written to where people look for them."""

from __future__ import annotations

import os
from pathlib import Path

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import RefusedError

#: A page names what runs where: it is for its owner and the folder's group.
_MODE = 0o640


def place(given: str | None, otherwise: Path | None) -> Path | None:
    """Return where a page goes.

    :param given: as the operator says it; None: nothing was said.
    :param otherwise: where it goes then; None: nowhere.
    :raises RefusedError: no page can be there.
    """
    if given is None:
        return otherwise
    output = Path(os.path.abspath(given))
    if output.is_dir() or not output.parent.is_dir():
        what = "a folder" if output.is_dir() else "in no folder that there is"
        raise RefusedError(f"{output} is {what}.", "Name a file in a folder.")
    return output


def publish(output: Path | None, page: str) -> str | None:
    """Replace a page in one moment; return where it is, or None."""
    if output is None:
        return None
    files.write(output, page, _MODE)
    return str(output)
