"""What a verb of zeoctl is: arguments, what it does to a storage, how it is told."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.operations.storage import Storage

#: What a verb found or did, ready for JSON.
Result = Mapping[str, Any]


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    """Have no arguments but the storages."""


@dataclass(frozen=True)
class Verb:
    """One verb for storages, each after the other.

    :ivar run: does it to one storage.
    :ivar show: returns the text for people, from the results by storage.
    :ivar arguments: adds what the verb understands beside the storages.
    :ivar changes: it changes something, so that all storages must be asked for
        by ``--all``.
    :ivar single: it is for exactly one storage.
    """

    name: str
    summary: str
    run: Callable[[Storage, argparse.Namespace], Result]
    show: Callable[[Mapping[str, Result]], str]
    arguments: Callable[[argparse.ArgumentParser], None] = _no_arguments
    changes: bool = True
    single: bool = False


@dataclass(frozen=True)
class CentralVerb:
    """One verb for the database server as a whole."""

    name: str
    summary: str
    run: Callable[[Central, argparse.Namespace], Result]
    show: Callable[[Result], str]
    arguments: Callable[[argparse.ArgumentParser], None]


def show_text(results: Mapping[str, Result]) -> str:
    """Return each storage's own sentence, its result's ``text``."""
    return "\n".join(f"{name}: {result['text']}" for name, result in results.items())
