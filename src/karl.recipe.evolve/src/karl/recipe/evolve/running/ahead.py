"""Being ready to begin: what can be loaded before the database may be opened."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable
from importlib import import_module

from karl.recipe.evolve.running.errors import UnfinishedError
from karl.recipe.evolve.running.events import Listener
from karl.recipe.evolve.running.packages import Package
from karl.recipe.evolve.running.session import Stop
from karl.recipe.evolve.running.storages import Source

#: What works on a database is loaded when that is asked for, and here.
_MODULES = ("karl.recipe.evolve.running.evolving", "ZODB.FileStorage", "ZODB.config")

#: What opens a database that a server has.
_CLIENT = "ZEO.ClientStorage"


def be_told(
    packages: Iterable[Package], source: Source, tell: Listener, stop: Stop
) -> None:
    """Load the software, tell that it is ready, and wait for a line that says begin.

    :raises UnfinishedError: the one who would have said so has ended.
    """
    _load(packages, source)
    # Nothing was begun, so that it can end there and then.
    stop.uninterruptible = True
    tell("ready")
    said = sys.stdin.readline()
    stop.uninterruptible = False
    if not said:
        raise UnfinishedError("Nobody said begin; nothing was done.", "")


def _load(packages: Iterable[Package], source: Source) -> None:
    names = [*_MODULES, *([_CLIENT] if source.configuration else [])]
    # What cannot be loaded is told when it is needed, if it ever is.
    for name in names:
        with contextlib.suppress(Exception):
            import_module(name)
    for package in packages:
        for version in range(package.initial + 1, package.software + 1):
            with contextlib.suppress(Exception):
                package.step(version)
