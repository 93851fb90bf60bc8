"""``zeoctl logs``: the ends of the servers' logs, and of what they printed."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Mapping
from pathlib import Path

from karl.recipe.release.base.command import print_text
from karl.recipe.release.base.errors import UsageError
from karl.recipe.zeoserver.commands import options
from karl.recipe.zeoserver.commands.verb import Result, Verb
from karl.recipe.zeoserver.layouts.storage import SIDES
from karl.recipe.zeoserver.operations.storage import Storage
from karl.recipe.zeoserver.servers import logs


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-n",
        "--lines",
        type=options.count,
        default=20,
        metavar="N",
        help="how many lines of each log (default: 20)",
    )
    parser.add_argument(
        "-f",
        "--follow",
        action="store_true",
        help="of one storage: go on showing what is added, until interrupted",
    )


def _run(storage: Storage, args: argparse.Namespace) -> Result:
    paths = _logs(storage)
    found = {str(path): logs.tail(path, args.lines) for path in paths}
    if args.follow:
        _follow(storage, args, paths, found)
        return {"logs": {}}
    return {"logs": found}


def _logs(storage: Storage) -> list[Path]:
    places = storage.places
    both = [(places.log(side), places.output(side)) for side in SIDES]
    return [path for pair in both for path in pair if path.is_file()]


def _follow(
    storage: Storage,
    args: argparse.Namespace,
    paths: list[Path],
    found: Mapping[str, list[str]],
) -> None:
    if args.storages != [storage.name] or args.json:
        raise UsageError(
            "One storage's logs can be followed, and not as JSON.",
            "Name one storage, and leave --json.",
        )
    # It is how following ends.
    with contextlib.suppress(KeyboardInterrupt):
        print_text(_text(found))
        for path, line in logs.follow(paths):
            print_text(f"{path.name}: {line}")


def _text(found: Mapping[str, list[str]]) -> str:
    return "\n".join(
        line for path, lines in found.items() for line in (f"==> {path}", *lines)
    )


def _show(results: Mapping[str, Result]) -> str:
    return "\n".join(filter(None, (_text(each["logs"]) for each in results.values())))


VERBS = (
    Verb(
        "logs",
        "Show the last lines of the servers' logs.",
        _run,
        _show,
        _arguments,
        changes=False,
    ),
)
