"""``zeoctl retire``."""

from __future__ import annotations

import argparse

from karl.recipe.zeoserver.commands import options
from karl.recipe.zeoserver.commands.verb import Result, Verb, show_text
from karl.recipe.zeoserver.operations import retirement
from karl.recipe.zeoserver.operations.storage import Storage


def _arguments(parser: argparse.ArgumentParser) -> None:
    options.add_number(parser)
    options.add_changing(parser)


def _run(storage: Storage, args: argparse.Namespace) -> Result:
    return retirement.retire(storage, args.number, **options.changing(args))


VERBS = (
    Verb(
        "retire",
        "Stop serving a database copy for good; its files stay.",
        _run,
        show_text,
        _arguments,
        single=True,
    ),
)
