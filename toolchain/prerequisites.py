"""What the machine must have, named before any work starts."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from karl.recipe.release.base.errors import PrerequisiteError, RefusedError
from karl.recipe.release.building import prerequisites
from karl.recipe.release.building.linkedprojects import KNOWN

_INSTALL = "On Debian and Ubuntu: apt-get install"


def check(root: Path) -> None:
    """Check what an environment cannot be made without.

    :raises PrerequisiteError: modules of Python are missing; names every
        Debian package, also those that production buildouts will need.
    :raises RefusedError: the checkout cannot be written to, or not be in a
        folder of that name.
    """
    if "$" in str(root):
        raise RefusedError(
            f"The checkout is in {root}, and pip cannot install from a path with $.",
            "Move it to a folder without $ in its path, and run bootstrap.py there.",
        )
    names = ("venv", "ensurepip")
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        lack = lack_for_building()
        raise PrerequisiteError(
            f"This Python ({sys.executable}) lacks {' and '.join(missing)}.",
            f"{lack.tip if lack else _INSTALL} python3-venv",
        )
    if not os.access(root, os.W_OK | os.X_OK):
        raise read_only(root)


def lack_for_building() -> PrerequisiteError | None:
    """Return what production buildouts will refuse for, if there is something."""
    try:
        prerequisites.check([KNOWN["lxml"]])
    except PrerequisiteError as error:
        return error
    return None


def read_only(path: Path | str) -> RefusedError:
    """Return the error for a place that this user cannot write to."""
    return RefusedError(
        f"{path} is read-only for this user.",
        "Run bootstrap.py as the user who owns the checkout, or copy it to "
        "where you may write.",
    )
