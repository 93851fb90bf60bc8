"""``zeoctl read-only`` and ``zeoctl writable``."""

from __future__ import annotations

import argparse

from karl.recipe.zeoserver.commands import options
from karl.recipe.zeoserver.commands.verb import Result, Verb, show_text
from karl.recipe.zeoserver.operations import modes
from karl.recipe.zeoserver.operations.storage import Storage


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--copy",
        type=int,
        metavar="N",
        help="which database copy (default: the live one)",
    )
    options.add_changing(parser)


def _read_only_arguments(parser: argparse.ArgumentParser) -> None:
    _arguments(parser)
    parser.add_argument(
        "--bound",
        type=options.seconds,
        metavar="SECONDS",
        help="how long commits in flight may take before they are aborted "
        "(default: the storage's drain-timeout)",
    )


def _run_read_only(storage: Storage, args: argparse.Namespace) -> Result:
    return modes.set_mode(
        storage,
        read_only=True,
        number=args.copy,
        bound=args.bound,
        **options.changing(args),
    )


def _run_writable(storage: Storage, args: argparse.Namespace) -> Result:
    return modes.set_mode(
        storage, read_only=False, number=args.copy, **options.changing(args)
    )


VERBS = (
    Verb(
        "read-only",
        "Refuse commits at once; reading goes on, and nobody is disconnected.",
        _run_read_only,
        show_text,
        _read_only_arguments,
    ),
    Verb(
        "writable",
        "Accept commits again.",
        _run_writable,
        show_text,
        _arguments,
    ),
)
