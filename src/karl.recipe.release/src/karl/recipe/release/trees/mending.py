"""Entries of the store that somebody edited: made anew from their wheels."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from karl.recipe.release.base.errors import RefusedError, UnreachableError
from karl.recipe.release.trees.artifacts import Artifact, Artifacts
from karl.recipe.release.trees.entry import EditedError, first_edit
from karl.recipe.release.trees.store import Store

#: How often one entry may be found edited in one build.
_MOST = 2


def mending(
    make: Callable[[], None],
    chosen: Sequence[Artifact],
    artifacts: Artifacts,
    store: Store,
) -> None:
    """Make a tree; if it meets an edited entry, mend all that are, and begin again.

    :param make: makes it, or raises what it met.
    :param chosen: what the tree is made of.
    :raises EditedError: a wheel is not to be had, or an entry is edited again and
        again.
    """
    met: list[str] = []
    while True:
        try:
            make()
        except EditedError as error:
            met.append(error.root)
            if met.count(error.root) > _MOST:
                raise
            found = _edited(chosen, store)
            if met.count(error.root) == _MOST:
                found = [error]  # what only linking saw
            for one in found:
                _mend(one, chosen, artifacts, store)
        else:
            return


def _edited(chosen: Sequence[Artifact], store: Store) -> list[EditedError]:
    """Return what all was edited, so that it is mended in one go."""
    found = []
    for artifact in chosen:
        try:
            stored = store.find(artifact.source.sha256)
            error = first_edit(stored.root, stored.entry) if stored else None
        except EditedError as unreadable:
            error = unreadable
        if error:
            found.append(error)
    return found


def _mend(
    error: EditedError, chosen: Sequence[Artifact], artifacts: Artifacts, store: Store
) -> None:
    """Have an edited entry made anew from its wheel.

    :raises EditedError: the wheel is not to be had.
    """
    for artifact in chosen:
        if artifact.source.sha256 == Path(error.root).name:
            with contextlib.suppress(RefusedError, UnreachableError):
                artifacts.fetch([artifact.source])
            store.mend(artifact.source, error)
            return
    raise error
