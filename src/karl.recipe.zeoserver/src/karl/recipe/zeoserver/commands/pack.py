"""``zeoctl pack``."""

from __future__ import annotations

import argparse

from karl.recipe.zeoserver.commands import options
from karl.recipe.zeoserver.commands.verb import Result, Verb, show_text
from karl.recipe.zeoserver.operations import packing
from karl.recipe.zeoserver.operations.storage import Storage


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--days",
        type=options.days,
        metavar="D",
        help="how much of its history stays (default: as declared)",
    )
    options.add_changing(parser)


def _run(storage: Storage, args: argparse.Namespace) -> Result:
    return packing.pack(storage, days=args.days, **options.changing(args))


VERBS = (
    Verb(
        "pack",
        "Remove old revisions and garbage from the live database.",
        _run,
        show_text,
        _arguments,
    ),
)
