"""Write the man pages and the completion of every command."""

from __future__ import annotations

from karl.recipe.release.base import files
from manuals.commands import MANUALS

for manual in MANUALS:
    for path, text in manual.files().items():
        files.make_directory(path.parent)
        files.write_if_changed(path, text)
