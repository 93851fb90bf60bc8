"""Targets: for which Python and platform an index holds wheels.

A target is written ``cp311-manylinux_2_31_x86_64``: CPython 3.11 on a Linux
with glibc 2.31 or newer.  Which wheels fit is decided as PEP 425, PEP 600 and
``packaging.tags`` say.
"""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

from packaging.markers import Marker, default_environment
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from karl.recipe.release.base.errors import UsageError
from karl.recipe.release.distributions.packages import File

_FORM = re.compile(r"cp3(\d{1,2})-manylinux_2_(\d{1,3})_([a-z0-9_]+)\Z")

#: glibc's minor version for the legacy names of manylinux (PEP 600).
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_OLDEST_GLIBC = 5

#: The patch level stands for all of a minor version: markers are evaluated at
#: both ends, because a few dependencies begin or end within one.
_PATCH_LEVELS = ("0", "99")


@dataclass(frozen=True)
class Target:
    """One Python on one platform.

    :ivar minor: of Python 3.
    :ivar glibc: minor version of the oldest glibc 2 to serve.
    :ivar machine: such as ``x86_64``.
    """

    minor: int
    glibc: int
    machine: str

    @classmethod
    def parse(cls, text: str) -> Target:
        """Return the target that *text* names.

        :raises UsageError: it is not of the form of a target.
        """
        match = _FORM.match(text)
        if not match:
            raise UsageError(
                f"{text!r} is not a target.",
                "Write one as cp311-manylinux_2_31_x86_64.",
            )
        return cls(int(match[1]), int(match[2]), match[3])

    @classmethod
    def here(cls) -> Target:
        """Return the target that is this interpreter on this machine."""
        name, version = platform.libc_ver()
        glibc = int(version.split(".")[1]) if name == "glibc" else 17
        return cls(sys.version_info.minor, glibc, platform.machine())

    def __str__(self) -> str:
        return f"cp3{self.minor}-manylinux_2_{self.glibc}_{self.machine}"

    @cached_property
    def _ranks(self) -> dict[Tag, int]:
        version = (3, self.minor)
        platforms = self._platforms()
        tags = [
            *cpython_tags(version, [f"cp3{self.minor}"], platforms),
            *compatible_tags(version, f"cp3{self.minor}", platforms),
        ]
        return {tag: rank for rank, tag in reversed(list(enumerate(tags)))}

    def _platforms(self) -> list[str]:
        names = []
        for minor in range(self.glibc, _OLDEST_GLIBC - 1, -1):
            names.append(f"manylinux_2_{minor}_{self.machine}")
            if minor in _LEGACY:
                names.append(f"{_LEGACY[minor]}_{self.machine}")
        return [*names, f"linux_{self.machine}"]

    def best(self, wheels: Iterable[File]) -> File | None:
        """Return the wheel an installer would choose here, if any fits."""
        return best_wheel(wheels, self._ranks)

    def wants(self, marker: str) -> bool:
        """Tell whether a package with this marker is needed here."""
        if not marker:
            return True
        parsed = Marker(marker)
        return any(parsed.evaluate(self._environment(patch)) for patch in _PATCH_LEVELS)

    def _environment(self, patch: str) -> dict[str, str | AbstractSet[str]]:
        environment: dict[str, str | AbstractSet[str]] = {
            name: str(value) for name, value in default_environment().items()
        }
        environment.update(
            {
                "implementation_name": "cpython",
                "implementation_version": f"3.{self.minor}.{patch}",
                "os_name": "posix",
                "platform_machine": self.machine,
                "platform_python_implementation": "CPython",
                "platform_system": "Linux",
                "python_full_version": f"3.{self.minor}.{patch}",
                "python_version": f"3.{self.minor}",
                "sys_platform": "linux",
            }
        )
        return environment


def best_wheel(wheels: Iterable[File], ranks: dict[Tag, int]) -> File | None:
    """Return the wheel whose best tag ranks first; of equals, the first by name.

    :param ranks: the supported tags with their place, 0 being the best.
    """
    found: list[tuple[int, str, File]] = []
    for wheel in wheels:
        *_, tags = parse_wheel_filename(wheel.name)
        places = [ranks[tag] for tag in tags if tag in ranks]
        if places:
            found.append((min(places), wheel.name, wheel))
    return min(found)[2] if found else None


def wanted_by(targets: Sequence[Target], marker: str) -> bool:
    """Tell whether any of *targets* needs a package with this marker."""
    return any(target.wants(marker) for target in targets)
