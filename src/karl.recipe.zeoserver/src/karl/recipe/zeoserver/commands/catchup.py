"""``zeoctl catch-up``."""

from __future__ import annotations

import argparse

from karl.recipe.zeoserver.commands import options
from karl.recipe.zeoserver.commands.verb import Result, Verb, show_text
from karl.recipe.zeoserver.operations import catchingup
from karl.recipe.zeoserver.operations.storage import Storage


def _arguments(parser: argparse.ArgumentParser) -> None:
    options.add_number(parser)
    parser.add_argument(
        "--tid",
        type=options.tid,
        metavar="TID",
        help="the transaction that the copy must end with, 16 hexadecimal digits",
    )
    parser.add_argument(
        "--final",
        action="store_true",
        help="the live copy must be read-only, and both must end alike",
    )
    options.add_changing(parser)


def _run(storage: Storage, args: argparse.Namespace) -> Result:
    return catchingup.catch_up(
        storage,
        args.number,
        tid=args.tid or "",
        final=args.final,
        **options.changing(args),
    )


VERBS = (
    Verb(
        "catch-up",
        "Add to a staged copy what was committed since.",
        _run,
        show_text,
        _arguments,
        single=True,
    ),
)
