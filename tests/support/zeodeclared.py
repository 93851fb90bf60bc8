"""Declarations of database servers, as a buildout would give them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from karl.recipe.zeoserver.declaration import options
from karl.recipe.zeoserver.declaration.model import Central

PART = "zeoserver"


def declare(
    root: Path | str,
    part: Mapping[str, str] = {},  # never changed
    **storages: Mapping[str, str],
) -> Central:
    """Return what a buildout at ``/srv/checkout`` declares.

    :param storages: options by storage.
    """
    names = "\n".join(storages)
    common = {"recipe": "karl.recipe.zeoserver", "root": str(root), "storages": names}
    buildout = {**storages, "buildout": {"directory": "/srv/checkout"}}
    return options.read(buildout, PART, {**common, **part})
