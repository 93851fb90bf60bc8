"""What a crash leaves of a commit at the end of Data.fs, cut off before it is served.

FileStorage cuts it off too.  But it takes whatever is there for a commit, also bytes
that are none, and its transaction id for the last one of the database.
"""

from __future__ import annotations

import itertools

from karl.recipe.release.base import largefiles
from karl.recipe.zeoserver.databases import datafs
from karl.recipe.zeoserver.databases.opened import closed
from karl.recipe.zeoserver.layouts.copy import CopyLayout


def cut(copy: CopyLayout) -> str:
    """Cut off what is left of an unfinished commit; it is kept in a file beside.

    :return: what was done, a sentence; empty: nothing.
    :raises RefusedError: a process has the database open.
    :raises DamagedError: what is at the end was no commit of this database.
    """
    with closed(copy):
        end = datafs.end_of(copy.data)
        rest = copy.data.stat().st_size - end.position
        if not rest:
            return ""
        kept = next(
            path for path in map(copy.cut_off, itertools.count()) if not path.exists()
        )
        largefiles.copy_range(copy.data, kept, end.position, rest)
        largefiles.sync([kept], copy.root)
        largefiles.cut(copy.data, end.position)
    return (
        f"Cut {rest} bytes of an unfinished commit off {copy.data}; they are in "
        f"{kept.name}."
    )
