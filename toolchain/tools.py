"""Which files of the frozen index this Python needs."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karl.recipe.release.base.errors import DamagedError, PrerequisiteError
from karl.recipe.release.base.names import checked_file_name

_WHEEL = re.compile(
    r".+?-[^-]+(?:-\d[^-]*)?-(?P<python>[^-]+)-(?P<abi>[^-]+)-(?P<platform>[^-]+)\.whl"
)


@dataclass(frozen=True)
class Tool:
    """One pinned distribution, and the one file of it to install.

    :ivar file: its name in the pool.
    :ivar sha256: of its content, hexadecimal.
    """

    name: str
    version: str
    file: str
    sha256: str

    @property
    def is_wheel(self) -> bool:
        """Tell whether it can be installed without being built."""
        return self.file.endswith(".whl")

    @property
    def requirement(self) -> str:
        """The line of a requirements file that means this file alone."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"


class Toolchain:
    """The tools that a lock file names.

    :param lock_file: a ``pylock.toml`` (PEP 751).
    :raises DamagedError: it cannot be read.
    """

    def __init__(self, lock_file: Path) -> None:
        try:
            self.content = lock_file.read_bytes()
            self._packages = tomllib.loads(self.content.decode())["packages"]
        except (OSError, ValueError, KeyError) as error:
            raise DamagedError(
                f"The lock file of the tools cannot be read: {error}.",
                f"Restore {lock_file} from version control.",
            ) from error

    def pip(self) -> Tool:
        """Return pip, whose one wheel serves every Python."""
        for package in self._packages:
            if package["name"] == "pip":
                return _tool(package, package["wheels"][0])
        raise DamagedError(
            "The lock file of the tools names no pip.",
            "Restore it from version control.",
        )

    def tools(self, tags: Sequence[str]) -> tuple[Tool, ...]:
        """Return the tools, each with the file that suits best.

        :param tags: what the Python accepts, such as ``py3-none-any``, the
            best first.
        :raises PrerequisiteError: some have no file for this Python.
        """
        rank = {tag: place for place, tag in reversed(list(enumerate(tags)))}
        chosen = []
        unsuited = []
        for package in self._packages:
            wheels = [
                (place, wheel)
                for wheel in package.get("wheels", ())
                if (place := _rank(wheel["name"], rank)) is not None
            ]
            if wheels:
                best = min(wheels, key=lambda pair: (pair[0], pair[1]["name"]))[1]
                chosen.append(_tool(package, best))
            elif "sdist" in package:
                chosen.append(_tool(package, package["sdist"]))
            else:
                unsuited.append(package["name"])
        if unsuited:
            raise PrerequisiteError(
                f"There is no file for this Python ({tags[0]}) of: "
                f"{', '.join(unsuited)}.",
                "Use CPython 3.11 to 3.14 on Linux with glibc 2.31 or newer.",
            )
        return tuple(chosen)


def _tool(package: dict[str, Any], file: dict[str, Any]) -> Tool:
    return Tool(
        package["name"],
        package["version"],
        checked_file_name(file["name"]),
        file["hashes"]["sha256"],
    )


def _rank(wheel: str, rank: dict[str, int]) -> int | None:
    match = _WHEEL.fullmatch(wheel)
    if match is None:
        return None
    places = [
        rank[tag]
        for python in match["python"].split(".")
        for abi in match["abi"].split(".")
        for platform in match["platform"].split(".")
        if (tag := f"{python}-{abi}-{platform}") in rank
    ]
    return min(places, default=None)
