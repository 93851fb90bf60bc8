"""A storage's backups, if the disk that they are on is there."""

from __future__ import annotations

from karl.recipe.release.base.errors import PrerequisiteError
from karl.recipe.zeoserver.backups import chains
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.operations.storage import Storage


def load(storage: Storage) -> tuple[Chain, ...]:
    """Return every chain, oldest first.

    :raises PrerequisiteError: a folder is declared for them, and is not there.
    """
    places = storage.places.repository
    if storage.declared.repository and not places.root.is_dir():
        raise PrerequisiteError(
            f"{places.root}, where the backups of {storage.name} are, is missing.",
            "Is its disk mounted? The buildout makes the folder of a new storage.",
        )
    return chains.load(places)
