"""``zeoctl status``: a table, or all that is known of one storage.

It ends with 0 whatever it finds: it is a report.  What needs attention is in the
``problems`` of each storage, and below the table.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from karl.recipe.release.base.blocks import moment
from karl.recipe.release.base.console import table
from karl.recipe.zeoserver.commands.verb import Result, Verb
from karl.recipe.zeoserver.operations import status
from karl.recipe.zeoserver.operations.storage import Storage
from karl.recipe.zeoserver.operations.words import size_of, text_of

_HEADS = (
    "STORAGE", "COPY", "MODE", "SERVER", "CLIENTS", "SIZE", "OBJECTS", "LAST COMMIT",
    "BACKUP", "PACKED", "FREE",
)  # fmt: skip
_COPY_HEADS = ("STORAGE", "COPY", "STATUS", "MODE", "SIDE", "SIZE", "MADE", "FROM")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--copies", action="store_true", help="list all database copies too"
    )


def _run(storage: Storage, args: argparse.Namespace) -> Result:
    return status.report(storage, copies=args.copies)


def _show(results: Mapping[str, Result]) -> str:
    if len(results) == 1:
        parts = [_one(name, found) for name, found in results.items()]
    else:
        rows = [_row(name, found) for name, found in results.items()]
        parts = [table(_HEADS, rows)]
    copies = [
        _copy_row(name, copy)
        for name, found in results.items()
        for copy in found.get("copies", ())
    ]
    if copies:
        parts.append(table(_COPY_HEADS, copies))
    parts += [
        "\n".join(f"{name}: {each}" for each in found["problems"])
        for name, found in results.items()
        if found["problems"]
    ]
    return "\n\n".join(parts)


def _row(name: str, found: Result) -> tuple[str, ...]:
    live = found["live"] or {}
    return (
        name,
        text_of(live.get("number")),
        text_of(live.get("mode")),
        _served(found),
        text_of(live.get("clients")),
        size_of(live.get("size")),
        text_of(live.get("objects")),
        moment(live.get("time")),
        _backup(found["backup"]),
        moment(live.get("packed"), "never"),
        size_of(found["free"]),
    )


def _one(name: str, found: Result) -> str:
    """Return all that is known of one storage, a line for each."""
    live = found["live"] or {}
    lines = [
        ("live copy", text_of(live.get("number"))),
        ("mode", text_of(live.get("mode"))),
        ("size", size_of(live.get("size"))),
        ("objects", text_of(live.get("objects"))),
        ("last commit", f"{moment(live.get('time'))} {live.get('tid') or ''}"),
        *(line for server in found["servers"] for line in _server_lines(server)),
        ("last backup", _backup(found["backup"])),
        ("last pack", moment(live.get("packed"), "never")),
        ("free disk", size_of(found["free"])),
        ("for backups", size_of(found["free_for_backups"])),
    ]
    if found["staged"]:
        lines.append(("staged", ", ".join(str(each) for each in found["staged"])))
    if found["doing"]:
        lines.append(("being done", found["doing"]))
    width = max(len(head) for head, _ in lines)
    return "\n".join(
        [name, *(f"  {head.ljust(width)}  {text}".rstrip() for head, text in lines)]
    )


def _server_lines(server: Mapping[str, Any]) -> list[tuple[str, str]]:
    if server["pid"] is None:
        how = f"copy {server['number']}, down ({server['process'] or 'not started'})"
    else:
        how = (
            f"copy {server['number']}, {server['mode']}, process {server['pid']} "
            f"since {moment(server['since'])}, {len(server['clients'])} clients"
        )
        if server["packing"]:
            how += ", packing"
    return [(f"side {server['side']}", server["address"]), ("", how)]


def _copy_row(name: str, copy: Mapping[str, Any]) -> tuple[str, ...]:
    parent = f" of {copy['parent']}" if copy["parent"] else ""
    if copy["source"]:
        parent = f" of {copy['source']}"
        parent += ", not scrubbed" if copy["withheld"] else ""
    return (
        name,
        str(copy["number"]),
        copy["status"],
        copy["mode"],
        text_of(copy["side"]),
        size_of(copy["size"]),
        moment(copy["made"]),
        f"{copy['origin']}{parent}",
    )


def _served(found: Result) -> str:
    live = found["live"]
    if live is None or live["side"] is None:
        return "not served"
    server = next(each for each in found["servers"] if each["side"] == live["side"])
    if server["pid"] is None:
        return "down"
    return f"{server['side']}, {server['pid']}"


def _backup(backup: Mapping[str, Any] | None) -> str:
    if backup is None:
        return "none"
    verified = "not verified"
    if backup["damaged"]:
        verified = "DAMAGED"
    elif backup["verified"]:
        verified = "verified"
    lacking = backup["missing_blobs"]
    blobs = f", lacks {lacking} blobs" if lacking else ""
    return f"{moment(backup['made'])} {verified}{blobs}"


VERBS = (
    Verb(
        "status",
        "Tell what is served, and what needs attention.",
        _run,
        _show,
        _arguments,
        changes=False,
    ),
)
