"""``zeoctl restore``."""

from __future__ import annotations

import argparse

from karl.recipe.zeoserver.commands import options
from karl.recipe.zeoserver.commands.verb import Result, Verb, show_text
from karl.recipe.zeoserver.operations import restoring
from karl.recipe.zeoserver.operations.storage import Storage


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to-new-copy",
        action="store_true",
        help="must be said: no copy that is there is ever written over",
    )
    parser.add_argument(
        "--at",
        metavar="TIME",
        help="as of this local time, such as 2026-11-23T09:30, or of this "
        "transaction (default: the newest backup)",
    )
    parser.add_argument(
        "--backup",
        default="",
        metavar="CHAIN/STAMP",
        help="this backup; zeoctl backups lists them",
    )
    parser.add_argument(
        "--from",
        dest="source",
        default="",
        metavar="STORAGE",
        help="a backup of this other storage; the copy is not served until it is said "
        "to be scrubbed",
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="retire and remove copies that were not said to be scrubbed, first",
    )
    options.add_changing(parser)


def _run(storage: Storage, args: argparse.Namespace) -> Result:
    wish = restoring.Wish(
        args.to_new_copy, args.at, args.backup, args.source, args.again
    )
    return restoring.restore(storage, wish, **options.changing(args))


VERBS = (
    Verb(
        "restore",
        "Make a new database copy from a backup.",
        _run,
        show_text,
        _arguments,
    ),
)
