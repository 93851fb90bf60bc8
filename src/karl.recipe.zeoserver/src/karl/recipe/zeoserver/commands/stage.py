"""``zeoctl stage``."""

from __future__ import annotations

import argparse

from karl.recipe.zeoserver.commands import options
from karl.recipe.zeoserver.commands.verb import Result, Verb, show_text
from karl.recipe.zeoserver.operations import staging
from karl.recipe.zeoserver.operations.storage import Storage


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--again",
        action="store_true",
        help="retire and remove a copy that is staged already, first",
    )
    options.add_changing(parser)


def _run(storage: Storage, args: argparse.Namespace) -> Result:
    return staging.stage(storage, again=args.again, **options.changing(args))


VERBS = (
    Verb(
        "stage",
        "Back up the live database and make a copy of it to be evolved.",
        _run,
        show_text,
        _arguments,
    ),
)
