"""A storage's backups, if the disk that they are on is there."""

from __future__ import annotations

from karl.recipe.release.base.errors import PrerequisiteError
from karl.recipe.zeoserver.backups import chains
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.operations import space
from karl.recipe.zeoserver.operations.storage import Storage


def load(storage: Storage) -> tuple[Chain, ...]:
    """Return every chain, oldest first.

    :raises PrerequisiteError: a folder is declared for them, and is not there.
    """
    places = storage.places.repository
    if storage.declared.repository and not places.root.is_dir():
        raise PrerequisiteError(
            f"{places.root}, where the backups of {storage.name} are, is missing.",
            "Is its disk mounted? If there are no backups any more, make that folder.",
        )
    return chains.load(places)


def free(storage: Storage) -> int | None:
    """Return the bytes that backups may take; None: their disk is not there."""
    root = storage.places.repository.root
    if storage.declared.repository and not root.is_dir():
        return None
    return space.free(root)
