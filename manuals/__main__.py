"""Write the man pages and completion of every command, and the page of their JSON."""

from __future__ import annotations

from karl.recipe.release.base import files
from manuals import jsonpage
from manuals.commands import MANUALS

for manual in MANUALS:
    for path, text in manual.files().items():
        files.make_directory(path.parent)
        files.write_if_changed(path, text)
files.write_if_changed(jsonpage.PAGE, jsonpage.render())
