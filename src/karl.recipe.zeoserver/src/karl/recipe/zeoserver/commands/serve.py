"""``zeoctl serve`` and ``zeoctl unserve``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from karl.recipe.zeoserver.commands import options
from karl.recipe.zeoserver.commands.verb import Result, Verb, show_text
from karl.recipe.zeoserver.layouts.storage import SIDES
from karl.recipe.zeoserver.operations import serving
from karl.recipe.zeoserver.operations.storage import Storage


def _serve_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_number(parser)
    parser.add_argument("--read-only", action="store_true", help="refuse commits to it")
    parser.add_argument(
        "--side", choices=SIDES, help="on this address (default: the free one)"
    )
    parser.add_argument(
        "--scrubbed",
        action="store_true",
        help="also if it is from another storage's backup: what must not be seen here "
        "is gone from it",
    )
    parser.add_argument(
        "--timeout",
        type=options.timeout,
        default=serving.TIMEOUT,
        metavar="SECONDS",
        help="how long to wait until its server answers; longer where a large "
        f"database has lost its index (default: {serving.TIMEOUT:g})",
    )
    options.add_changing(parser)


def _unserve_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_number(parser)
    parser.add_argument(
        "--live", action="store_true", help="also if the site uses this copy"
    )
    options.add_changing(parser)


def _serve(storage: Storage, args: argparse.Namespace) -> Result:
    wish = serving.Wish(args.read_only, args.side, args.scrubbed)
    return serving.serve(
        storage,
        args.number,
        wish,
        timeout=args.timeout,
        **options.changing(args),
    )


def _unserve(storage: Storage, args: argparse.Namespace) -> Result:
    return serving.unserve(
        storage, args.number, live=args.live, **options.changing(args)
    )


def _show(results: Mapping[str, Result]) -> str:
    """Return the text, with the address and what clients need."""
    lines = [show_text(results)]
    for result in results.values():
        if "zodb_conf" in result:
            lines += [f"address: {result['address']}", "", result["zodb_conf"].rstrip()]
    return "\n".join(lines)


VERBS = (
    Verb(
        "serve",
        "Serve a database copy on the free address.",
        _serve,
        _show,
        _serve_arguments,
        single=True,
    ),
    Verb(
        "unserve",
        "Stop serving a database copy.",
        _unserve,
        show_text,
        _unserve_arguments,
        single=True,
    ),
)
