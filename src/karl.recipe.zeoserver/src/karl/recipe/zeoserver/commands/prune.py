"""``zeoctl prune``."""

from __future__ import annotations

import argparse

from karl.recipe.zeoserver.commands import options
from karl.recipe.zeoserver.commands.verb import Result, Verb, show_text
from karl.recipe.zeoserver.operations import retirement
from karl.recipe.zeoserver.operations.storage import Storage


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep",
        type=options.count,
        default=1,
        metavar="K",
        help="how many of the newest retired copies stay (default: 1)",
    )
    parser.add_argument("--copy", type=int, metavar="N", help="only this retired copy")
    options.add_changing(parser)


def _run(storage: Storage, args: argparse.Namespace) -> Result:
    return retirement.prune(
        storage, keep=args.keep, number=args.copy, **options.changing(args)
    )


VERBS = (
    Verb(
        "prune",
        "Remove retired database copies for good.",
        _run,
        show_text,
        _arguments,
    ),
)
