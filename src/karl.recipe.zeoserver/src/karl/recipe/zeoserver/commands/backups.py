"""``zeoctl backups``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from karl.recipe.release.base.console import table
from karl.recipe.zeoserver.backups import moments
from karl.recipe.zeoserver.commands.verb import Result, Verb
from karl.recipe.zeoserver.operations import verifying
from karl.recipe.zeoserver.operations.storage import Storage
from karl.recipe.zeoserver.operations.words import megabytes

_HEADS = ("BACKUP", "KIND", "COPY", "MADE", "LAST TRANSACTION", "DATA", "BLOBS",
          "VERIFIED")  # fmt: skip


def _run(storage: Storage, args: argparse.Namespace) -> Result:
    return verifying.listed(storage)


def _show(results: Mapping[str, Result]) -> str:
    return "\n\n".join(_show_one(name, result) for name, result in results.items())


def _show_one(name: str, result: Result) -> str:
    lines = [f"{name}: {result['repository']}"]
    rows = [_row(backup) for backup in result["backups"]]
    lines.append(table(_HEADS, rows) if rows else "There is no backup.")
    lines += [
        f"Chain {stamp} is damaged: {damage}"
        for stamp, damage in result["damage"].items()
    ]
    return "\n".join(lines)


def _row(backup: Mapping[str, Any]) -> tuple[str, ...]:
    blobs = f"{backup['blobs']}"
    if backup["missing_blobs"]:
        blobs += f" ({backup['missing_blobs']} missing)"
    return (
        backup["backup"],
        backup["kind"],
        str(backup["copy"]),
        moments.local(backup["made"]),
        backup["tid"],
        megabytes(backup["bytes"]),
        blobs,
        _verified(backup["verification"]),
    )


def _verified(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "no"
    if found["damage"]:
        return f"DAMAGED, {moments.local(found['time'])}"
    drill = ", restored" if found["drill"] else ""
    return f"{moments.local(found['time'])}{drill}"


VERBS = (
    Verb("backups", "List the backups that there are.", _run, _show, changes=False),
)
