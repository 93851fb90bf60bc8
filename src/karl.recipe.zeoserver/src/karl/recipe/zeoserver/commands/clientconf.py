"""``zeoctl client-conf``: the ``zodb.conf`` with which a site uses a copy."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from karl.recipe.zeoserver.commands.verb import Result, Verb
from karl.recipe.zeoserver.operations import serving
from karl.recipe.zeoserver.operations.storage import Storage


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--copy",
        type=int,
        metavar="N",
        help="which database copy (default: the live one); it must be served",
    )


def _run(storage: Storage, args: argparse.Namespace) -> Result:
    state = storage.state()
    copy = state.the_live(storage.name) if args.copy is None else state.copy(args.copy)
    return {"number": copy.number, **serving.connection(storage, copy.number)}


def _show(results: Mapping[str, Result]) -> str:
    return "\n".join(str(each["zodb_conf"]).rstrip("\n") for each in results.values())


VERBS = (
    Verb(
        "client-conf",
        "Print the zodb.conf with which a site uses a database copy.",
        _run,
        _show,
        _arguments,
        changes=False,
        single=True,
    ),
)
