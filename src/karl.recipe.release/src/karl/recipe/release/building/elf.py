"""ELF files: what a shared object is linked with, looks for, and defines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base import process
from karl.recipe.release.base.errors import DamagedError, ProcessError

_TAG = re.compile(r"\((?P<tag>NEEDED|RPATH|RUNPATH)\).*\[(?P<value>[^]]*)\]")
_SYMBOL = re.compile(
    r"^\s*\d+:\s+[0-9a-f]+\s+\S+\s+FUNC\s+(?:GLOBAL|WEAK)\s+\S+\s+\d+\s+(?P<name>[^\s@]+)"
)


@dataclass(frozen=True)
class Elf:
    """What the dynamic section of a shared object says.

    :ivar path: of the file.
    :ivar needed: the sonames that it is linked with.
    :ivar search: directories of its RPATH and RUNPATH.
    """

    path: Path
    needed: tuple[str, ...]
    search: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> Elf:
        """Read the file *path* with readelf."""
        text = _readelf("--dynamic", path)
        tags = [(match["tag"], match["value"]) for match in _TAG.finditer(text)]
        return cls(
            path,
            tuple(sorted(value for tag, value in tags if tag == "NEEDED")),
            tuple(
                folder
                for tag, value in tags
                if tag in ("RPATH", "RUNPATH")
                for folder in value.split(":")
            ),
        )

    def defined(self) -> frozenset[str]:
        """Return the functions that it defines and exports."""
        text = _readelf("--dyn-syms", self.path)
        found = map(_SYMBOL.match, text.splitlines())
        return frozenset(match["name"] for match in found if match)


def _readelf(option: str, path: Path) -> str:
    env = process.clean_environment(LC_ALL="C")
    try:
        return process.run(["readelf", "--wide", option, path], env=env)
    except ProcessError as error:
        raise DamagedError(
            f"{path} is no shared object: {error.output.strip()}",
            "Restore it from where it comes from.",
        ) from error
