"""``zeoctl verify-backup``."""

from __future__ import annotations

import argparse

from karl.recipe.zeoserver.commands.verb import Result, Verb, show_text
from karl.recipe.zeoserver.operations import verifying
from karl.recipe.zeoserver.operations.storage import Storage


def _arguments(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--backup",
        metavar="CHAIN/STAMP",
        default="",
        help="this backup and those it builds on (default: the newest chain)",
    )
    which.add_argument("--all-chains", action="store_true", help="every backup")
    parser.add_argument(
        "--drill",
        action="store_true",
        help="also restore to a scratch copy, load every object and open every blob",
    )


def _run(storage: Storage, args: argparse.Namespace) -> Result:
    return verifying.verify(
        storage, backup=args.backup, drill=args.drill, all_chains=args.all_chains
    )


VERBS = (
    Verb(
        "verify-backup",
        "Read backups back, byte by byte, and record what was found.",
        _run,
        show_text,
        _arguments,
    ),
)
