"""``release.json``: what a sealed release is.

Standard library only: the commands of a site carry this module with them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from karl.recipe.release.base.errors import DamagedError
from karl.recipe.release.base.layout import ReleaseLayout

FORMAT = 1

_TIP = (
    "Nobody may edit a release: build a new version, switch to it, and remove this one."
)
#: What is told of each file.
_FIELDS = 3


@dataclass(frozen=True)
class Manifest:
    """What ``release.json`` says.

    :ivar release: the version.
    :ivar index: name and sha256 of the index it was built from.
    :ivar request: what was asked for.
    :ivar python: the Python it is for.
    :ivar distributions: name, version, file, sha256; for what was built here
        also the sha256 of the sdist and the key.
    :ivar system_libraries: by project: the proof of its linkage.
    :ivar smoke: entry points and modules that must import.
    :ivar links: by path: text of the symlink.
    :ivar files: by path: sha256, size, mode.
    """

    release: str
    index: Mapping[str, str]
    request: Mapping[str, Any]
    python: Mapping[str, str]
    distributions: Sequence[Mapping[str, Any]]
    system_libraries: Mapping[str, Any]
    smoke: Sequence[str]
    links: Mapping[str, str]
    files: Mapping[str, tuple[str, int, int]]

    @classmethod
    def load(cls, layout: ReleaseLayout) -> Manifest:
        """Read the manifest of a release.

        :raises DamagedError: it is missing or cannot be understood.
        """
        path = layout.manifest
        try:
            state = path.lstat()
            return _load(str(path), state.st_ino, state.st_mtime_ns, state.st_size)
        except FileNotFoundError:
            raise DamagedError(f"{layout.root} has no {path.name}.", _TIP) from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedError(f"{path} cannot be read: {error!r}.", _TIP) from error

    def render(self, lines: str = "") -> bytes:
        """Return the canonical bytes: the same release, the same bytes.

        :param lines: the files as :func:`file_lines` writes them, if at hand.
        """
        head = {
            "format": FORMAT,
            "release": self.release,
            "index": dict(self.index),
            "request": self.request,
            "python": dict(self.python),
            "distributions": list(self.distributions),
            "system_libraries": dict(self.system_libraries),
            "smoke": list(self.smoke),
            "links": dict(self.links),
        }
        text = json.dumps(head, indent=1, sort_keys=True, ensure_ascii=False)
        lines = lines or file_lines(self.files)
        return f'{text[:-2]},\n "files": {{\n{lines}\n }}\n}}\n'.encode()


def file_lines(listing: Mapping[str, tuple[str, int, int]]) -> str:
    """Return all files as lines of the manifest."""
    return ",\n".join([file_line(path, listing[path]) for path in sorted(listing)])


def file_line(path: str, listed: tuple[str, int, int]) -> str:
    """Return one file as a line of the manifest."""
    sha256, size, mode = listed
    plain = path.isascii() and path.isprintable() and '"' not in path
    name = f'"{path}"' if plain and "\\" not in path else json.dumps(path)
    return f'  {name}: ["{sha256}", {size}, {mode}]'


@lru_cache(maxsize=4)
def _load(path: str, inode: int, mtime: int, size: int) -> Manifest:
    """Read a manifest; the same file is read once by one process."""
    del inode, mtime, size
    with open(path, encoding="utf-8") as stream:
        found = json.load(stream)
    if found.pop("format") != FORMAT:
        raise ValueError("its format is unknown; use a newer karl.recipe.release")
    if any(len(listed) != _FIELDS for listed in found["files"].values()):
        raise ValueError("a file is not listed as it must be")
    return Manifest(**{**found, "links": dict(found["links"])})
