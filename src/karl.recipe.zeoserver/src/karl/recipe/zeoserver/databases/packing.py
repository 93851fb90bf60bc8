"""What FileStorage's pack leaves when its process is killed, put right.

FileStorage writes ``Data.fs.pack``, renames ``Data.fs`` to ``Data.fs.old`` and then
``Data.fs.pack`` to ``Data.fs``; files of blobs go after that.  Between the renames
there is no ``Data.fs``; before them there is a useless ``Data.fs.pack``.  Where both
``Data.fs`` and ``Data.fs.pack`` are missing, no pack was cut off: somebody moved the
database, and the ``Data.fs.old`` of an earlier pack is not what it was.
"""

from __future__ import annotations

import os

from karl.recipe.release.base import files
from karl.recipe.zeoserver.databases.opened import closed
from karl.recipe.zeoserver.layouts.copy import CopyLayout


def is_interrupted(copy: CopyLayout) -> bool:
    """Tell whether there is something to put right, unless a server packs."""
    return copy.packing.exists()


def mend(copy: CopyLayout) -> tuple[str, ...]:
    """Put back the database as it was before a pack that was cut off.

    :return: what was done, a sentence each.
    :raises RefusedError: a process has the database open.
    """
    done: list[str] = []
    if not is_interrupted(copy):
        return ()
    with closed(copy):
        if not os.path.lexists(copy.data) and copy.before_pack.exists():
            # What was packed was never made durable: the old file is the truth.
            files.rename(copy.before_pack, copy.data)
            done.append(f"Put {copy.data} back as it was before an interrupted pack.")
        files.remove_tree(copy.packing)
        done.append(f"Removed {copy.packing}, which an interrupted pack left.")
    return tuple(done)
