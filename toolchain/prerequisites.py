"""What the machine must have, named before any work starts."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import sysconfig
from pathlib import Path

from karl.recipe.release.errors import PrerequisiteError, RefusedError

#: Debian package, and the program by which it is known to be there: what
#: production buildouts need to build lxml against the system's libraries.
_PROGRAMS = (
    ("gcc", "cc"),
    ("binutils", "readelf"),
    ("libxml2-dev", "xml2-config"),
    ("libxslt1-dev", "xslt-config"),
)


def check(root: Path) -> None:
    """Check what an environment cannot be made without.

    :raises PrerequisiteError: modules of Python are missing.
    :raises RefusedError: the checkout cannot be written to.
    """
    missing = [
        name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None
    ]
    if missing:
        packages = " ".join(["python3-venv", *missing_for_building()])
        raise PrerequisiteError(
            f"This Python ({sys.executable}) lacks {' and '.join(missing)}.",
            f"On Debian and Ubuntu: apt-get install {packages}",
        )
    if not os.access(root, os.W_OK | os.X_OK):
        raise RefusedError(
            f"{root} is read-only for this user.",
            "Run bootstrap.py as the user who owns the checkout, or copy it to "
            "where you may write.",
        )


def missing_for_building() -> list[str]:
    """Return the Debian packages that are missing to build system-linked wheels."""
    packages = [
        package for package, program in _PROGRAMS if shutil.which(program) is None
    ]
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        packages.append("python3-dev")
    return packages
