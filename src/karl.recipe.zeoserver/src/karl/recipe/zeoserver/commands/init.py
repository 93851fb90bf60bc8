"""``zeoctl init``."""

from __future__ import annotations

import argparse

from karl.recipe.zeoserver.commands import options
from karl.recipe.zeoserver.commands.verb import Result, Verb, show_text
from karl.recipe.zeoserver.operations import creation
from karl.recipe.zeoserver.operations.storage import Storage


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--new-copy",
        action="store_true",
        help="also if the storage has a live database, which stays so",
    )
    options.add_changing(parser)


def _run(storage: Storage, args: argparse.Namespace) -> Result:
    return creation.init(storage, new_copy=args.new_copy, **options.changing(args))


VERBS = (Verb("init", "Make a new, empty database.", _run, show_text, _arguments),)
