"""What completion knows of the values that a command takes, by their names.

They are the names of what is there, below the folder whose ``bin`` has the command.
"""

from __future__ import annotations

#: What is looked for below the folder, and how many of the last parts of the path's
#: folder are the value.
PLACES = {
    "VERSION": "releases/*/release.json",
    "REVISION": "revisions/*/revision.json",
    "STORAGE": "*/databases/",
    "NAME/VERSION": "indexes/*/*/pylock.toml",
}

#: Files and folders of whoever types.
FILES = frozenset(
    {"BLOBS", "DATA", "DIR", "DIRECTORY", "FILE", "TREE", "ZODB-CONF"},
)
