"""``zeoctl import``."""

from __future__ import annotations

import argparse
from pathlib import Path

from karl.recipe.zeoserver.commands import options
from karl.recipe.zeoserver.commands.verb import Result, Verb, show_text
from karl.recipe.zeoserver.layouts.copy import ForeignLayout
from karl.recipe.zeoserver.operations import importing
from karl.recipe.zeoserver.operations.storage import Storage


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FILE",
        help="the Data.fs; its server must be stopped; it is only read",
    )
    parser.add_argument(
        "--blobs",
        type=Path,
        metavar="DIR",
        help="the blob directory that belongs to it",
    )
    parser.add_argument(
        "--link-blobs",
        action="store_true",
        help="make hard links to the blob files instead of copies, where that can be",
    )
    parser.add_argument(
        "--allow-missing-blobs",
        action="store_true",
        help="import it even though files of blobs are missing",
    )
    parser.add_argument(
        "--cut-torn-end",
        action="store_true",
        help="leave out what is no whole transaction at the end of the file, as a "
        "killed server leaves it",
    )
    parser.add_argument(
        "--new-copy",
        action="store_true",
        help="also if the storage has a live database, which stays so",
    )
    options.add_changing(parser)


def _run(storage: Storage, args: argparse.Namespace) -> Result:
    wish = importing.Wish(
        ForeignLayout(args.data, args.blobs),
        link_blobs=args.link_blobs,
        allow_missing_blobs=args.allow_missing_blobs,
        cut_torn_end=args.cut_torn_end,
        new_copy=args.new_copy,
    )
    return importing.import_(storage, wish, **options.changing(args))


VERBS = (
    Verb(
        "import",
        "Take in the database of a site that is moved here.",
        _run,
        show_text,
        _arguments,
        single=True,
    ),
)
