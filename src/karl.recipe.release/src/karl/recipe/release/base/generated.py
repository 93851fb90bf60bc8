"""Files that a buildout generates for a root: commands, configuration, manuals.

Others write into the same folders, so that only what bears the name of one of these
files is taken for a leftover.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from karl.recipe.release.base import files


def remove_leftovers(paths: Iterable[Path]) -> None:
    """Remove what killed runs left of these files.

    The caller holds the lock under which they are written.
    """
    named: dict[Path, list[str]] = {}
    for path in paths:
        start = f"{files.PARTIAL_PREFIX}{path.name}-"
        named.setdefault(path.parent, []).append(start)
    for folder, starts in named.items():
        if folder.is_dir():
            for found in folder.iterdir():
                if found.name.startswith(tuple(starts)):
                    files.try_to_remove(found)


def write(texts: Mapping[Path, str], mode: int = 0o644) -> list[Path]:
    """Write files that are not as they should be; return which were written.

    :param texts: what each should hold.
    :param mode: permission bits of all of them.
    """
    return [
        path for path, text in texts.items() if files.write_if_changed(path, text, mode)
    ]
