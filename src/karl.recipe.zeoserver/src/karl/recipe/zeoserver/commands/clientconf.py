"""``zeoctl client-conf``: the ``zodb.conf`` with which a site uses a copy."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from karl.recipe.release.base.errors import RefusedError
from karl.recipe.zeoserver.commands.verb import Result, Verb
from karl.recipe.zeoserver.declaration.model import storage_name
from karl.recipe.zeoserver.operations.storage import Storage
from karl.recipe.zeoserver.rendering import clientconf


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--copy",
        type=int,
        metavar="N",
        help="which database copy (default: the live one); it must be served",
    )


def _run(storage: Storage, args: argparse.Namespace) -> Result:
    name, state = storage.name, storage.state()
    if args.copy is not None:
        number = state.copy(args.copy).number
    elif state.live is not None:
        number = state.live.number
    else:
        raise RefusedError(
            f"{name} has no live database copy.",
            f"Make one: zeoctl init {name}, or zeoctl import {name}.",
        )
    side = state.side_of(number)
    if side is None:
        raise RefusedError(
            f"Database copy {number} of {name} is not served.",
            f"Serve it: zeoctl serve {name} {number}.",
        )
    return {
        "number": number,
        "side": side,
        "address": str(storage.declared.addresses[side]),
        "database": storage_name(name, number),
        "zodb_conf": clientconf.render(storage.central, name, number, side),
    }


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
