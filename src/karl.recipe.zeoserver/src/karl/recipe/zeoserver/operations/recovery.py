"""What a killed command left behind, put right by the next one."""

from __future__ import annotations

from karl.recipe.release.base import files
from karl.recipe.release.base.journal import Journal
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.zeoserver.declaration.model import Central


def recover(central: Central, name: str, journal: Journal, reporter: Reporter) -> None:
    """Remove unfinished work of a storage; its lock is held."""
    places = central.storage_places(name)
    for folder in (places.root, places.databases, places.repository.root):
        for path in files.remove_partial(folder):
            reporter.say(f"Removed unfinished work of an earlier command: {path}")
