"""``zeoctl backup``."""

from __future__ import annotations

import argparse

from karl.recipe.zeoserver.backups.planning import Kind
from karl.recipe.zeoserver.commands import options
from karl.recipe.zeoserver.commands.verb import Result, Verb, show_text
from karl.recipe.zeoserver.operations import backingup
from karl.recipe.zeoserver.operations.storage import Storage


def _arguments(parser: argparse.ArgumentParser) -> None:
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--full",
        dest="kind",
        action="store_const",
        const=Kind.FULL,
        default=Kind.AUTOMATIC,
        help="begin a new chain of backups",
    )
    kind.add_argument(
        "--incremental",
        dest="kind",
        action="store_const",
        const=Kind.INCREMENTAL,
        help="add to the newest chain, or refuse",
    )
    options.add_changing(parser)


def _run(storage: Storage, args: argparse.Namespace) -> Result:
    return backingup.back_up(storage, args.kind, **options.changing(args))


VERBS = (
    Verb(
        "backup",
        "Back up the live database: what was committed since the last backup, or all.",
        _run,
        show_text,
        _arguments,
    ),
)
