"""Arguments that several verbs have."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from karl.recipe.release.base.errors import UsageError
from karl.recipe.zeoserver.databases import tids
from karl.recipe.zeoserver.declaration.model import Central


def check_storages(central: Central, names: Iterable[str]) -> None:
    """Refuse names of storages that are not declared.

    :raises UsageError: one is not; tells those that are.
    """
    unknown = [name for name in names if name not in central.storages]
    if unknown:
        known = ", ".join(sorted(central.storages)) or "none"
        raise UsageError(
            f"There is no storage {', '.join(unknown)}; there are: {known}.",
            "Storages are declared in the buildout of the database server.",
        )


def add_changing(parser: argparse.ArgumentParser) -> None:
    """Add what every verb understands that changes a storage."""
    parser.add_argument(
        "--dry-run", action="store_true", help="only tell what would be done"
    )
    parser.add_argument(
        "--wait",
        type=patience,
        default=0.0,
        metavar="SECONDS",
        help="how long to wait for another command that changes the storage "
        "(default: not at all)",
    )


def changing(args: argparse.Namespace) -> dict[str, Any]:
    """Return them as keyword arguments of an operation."""
    return {"dry_run": args.dry_run, "wait": args.wait}


def add_number(parser: argparse.ArgumentParser) -> None:
    """Add the number of a database copy."""
    parser.add_argument("number", type=int, metavar="N", help="which database copy")


def count(text: str) -> int:
    """Return a number of things, none at least."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return value


def days(text: str) -> float:
    """Return a number of days: none at least, and a hundred years at most."""
    value = float(text)
    if not 0 <= value <= 36500:
        raise argparse.ArgumentTypeError("must be from 0 to 36500")
    return value


def seconds(text: str) -> float:
    """Return a number of seconds: none at least, and an hour at most."""
    value = float(text)
    if not 0 <= value <= 3600:
        raise argparse.ArgumentTypeError("must be from 0 to 3600")
    return value


def timeout(text: str) -> float:
    """Return the seconds that a server has: one at least, and a day at most."""
    value = float(text)
    if not 1 <= value <= 86400:
        raise argparse.ArgumentTypeError("must be from 1 to 86400")
    return value


def patience(text: str) -> float:
    """Return a number of seconds: none at least, and no end of them at most."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError("must be 0 or more")
    return value


def tid(text: str) -> str:
    """Return a transaction id: 16 hexadecimal digits, in small letters."""
    value = tids.spelled(text)
    if not tids.is_tid(value):
        raise argparse.ArgumentTypeError("must be 16 hexadecimal digits")
    return value
