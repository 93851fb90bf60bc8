"""What the verbs of ``karl-index`` share: their places, and how they answer."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from karl.recipe.release.base.command import print_json, print_text
from karl.recipe.release.base.console import Console
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.names import IndexName
from karl.recipe.release.distributions.lockfile import Index

Verb = Callable[[argparse.Namespace, Console], int]


def software_of(options: argparse.Namespace) -> SoftwareLayout:
    """Return the places that the command line names."""
    base = SoftwareLayout.below(options.base)
    return SoftwareLayout(
        (options.pool or base.pool).absolute(),
        (options.indexes or base.indexes).absolute(),
        (options.store or base.store).absolute(),
    )


def index_named(options: argparse.Namespace, name: str) -> Index:
    """Return the index *name*, such as ``acme/1.0``, of those places.

    :raises RefusedError: there is none.
    """
    return Index.load(software_of(options), IndexName.parse(name))


def summary_of(index: Index) -> dict[str, Any]:
    """Return what is told of an index, whichever verb tells it."""
    lock = index.lock
    return {
        "index": str(lock.name),
        "sha256": index.digest,
        "packages": len(lock.packages),
        "extends": lock.extends[0] if lock.extends else None,
        "targets": list(lock.targets),
    }


def answer(options: argparse.Namespace, result: dict[str, Any], text: str) -> int:
    """Print the result for a program or for a person; return the exit code."""
    if options.json:
        print_json(result)
    elif text:
        print_text(text)
    return 0
