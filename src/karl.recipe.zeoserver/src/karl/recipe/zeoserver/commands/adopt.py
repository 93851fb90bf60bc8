"""``zeoctl adopt``."""

from __future__ import annotations

import argparse

from karl.recipe.zeoserver.commands import options
from karl.recipe.zeoserver.commands.verb import Result, Verb, show_text
from karl.recipe.zeoserver.operations import adoption
from karl.recipe.zeoserver.operations.storage import Storage


def _arguments(parser: argparse.ArgumentParser) -> None:
    options.add_number(parser)
    parser.add_argument(
        "--discard-writes",
        action="store_true",
        help="also if the live copy has transactions that this one has not; the "
        "live copy is kept",
    )
    options.add_changing(parser)


def _run(storage: Storage, args: argparse.Namespace) -> Result:
    return adoption.adopt(
        storage,
        args.number,
        discard_writes=args.discard_writes,
        **options.changing(args),
    )


VERBS = (
    Verb(
        "adopt",
        "Make a served copy the live one, or go back to a former one.",
        _run,
        show_text,
        _arguments,
        single=True,
    ),
)
