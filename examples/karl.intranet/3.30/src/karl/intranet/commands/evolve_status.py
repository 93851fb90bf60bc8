"""karl-evolve-status: compare the versions of software and database.

Exit codes: 0, all packages are current; 1, the database cannot be read; 2, wrong
usage; 3, evolve steps are pending; 4, the database is newer than this software.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import transaction
from ZODB import DB

from karl.intranet.commands import places
from karl.intranet.database import opened
from karl.intranet.versions import Status, read_status

CURRENT, UNREADABLE, PENDING, NEWER = 0, 1, 3, 4


def main(arguments: list[str] | None = None) -> int:
    """Print the versions of every package that evolves."""
    parser = argparse.ArgumentParser(
        prog="karl-evolve-status",
        description="Compare the versions of software and database.",
        epilog="Exit codes: 0 current, 1 unreadable database, 2 wrong usage,"
        " 3 steps pending, 4 database newer than software.",
    )
    parser.add_argument(
        "--revision", type=Path, help="folder with zodb.conf (default: current)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    revision = (options.revision or places.current_revision()).resolve()
    try:
        with opened(revision / "zodb.conf", read_only=True) as database:
            status = status_of(database)
    except Exception as error:  # noqa: BLE001 - storages raise what they like
        print(
            f"karl-evolve-status: {str(error) or type(error).__name__}", file=sys.stderr
        )
        return UNREADABLE
    print(as_json(status) if options.json else as_table(status))
    return exit_code(status)


def status_of(database: DB) -> list[Status]:
    """The status of every installed package, read from ``database``."""
    manager = transaction.TransactionManager()
    connection = database.open(manager)
    try:
        return read_status(connection.root())
    finally:
        manager.abort()
        connection.close()


def as_json(status: list[Status]) -> str:
    """For programs."""
    return json.dumps([package.as_json() for package in status], indent=2)


def as_table(status: list[Status]) -> str:
    """For people."""
    lines = [f"{'package':<24} {'software':>8} {'database':>8}  state"]
    for package in status:
        database = "none" if package.database is None else package.database
        lines.append(
            f"{package.distribution:<24} {package.software:>8} {database:>8}"
            f"  {package.state}"
        )
    return "\n".join(lines)


def exit_code(status: list[Status]) -> int:
    """The worst state of all, as an exit code."""
    states = {package.state for package in status}
    if "newer" in states:
        return NEWER
    return PENDING if "pending" in states else CURRENT


if __name__ == "__main__":
    sys.exit(main())
