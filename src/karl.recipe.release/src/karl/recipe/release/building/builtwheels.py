"""Wheels that were built here, as they lie in the pool: each with its provenance."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError
from karl.recipe.release.distributions.packages import File

#: Beside the wheel: what it was built from, with what, and how.
PROVENANCE = "provenance.json"


@dataclass(frozen=True)
class BuiltWheel:
    """A wheel that was built here.

    :ivar key: the folder's name below ``pool/built``.
    :ivar provenance: what it was built from, with what, and how.
    """

    path: Path
    sha256: str
    key: str
    sdist_sha256: str
    provenance: dict[str, Any]


def provenance_of(folder: Path) -> tuple[str, str]:
    """Return the sha256 of the sdist and of the wheel of a folder of built ones.

    Both are empty if the folder cannot be understood.
    """
    try:
        record = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
        return str(record["sdist"]["sha256"]), str(record["wheel"]["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""


def load(folder: Path, sdist: File) -> BuiltWheel:
    """Return the wheel that was built of *sdist* into *folder*, its bytes checked.

    :raises DamagedError: it is not what its provenance says.
    """
    damaged = DamagedError(
        f"{folder} does not hold the wheel that its {PROVENANCE} tells of.",
        "Find out who changed it; then remove the folder, and the wheel is built "
        "again when it is wanted.",
    )
    try:
        record = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
        path = folder / record["wheel"]["name"]
        sha256 = record["wheel"]["sha256"]
        whole = record["sdist"]["sha256"] == sdist.sha256
        whole = whole and path.parent == folder and files.sha256_of(path) == sha256
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged from error
    if not whole:
        raise damaged
    return BuiltWheel(path, sha256, folder.name, sdist.sha256, record)
