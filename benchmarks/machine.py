"""The machine that a run was made on: enough to judge its numbers by."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.programs import ProgramError, output

#: Distributions that are compared or that we use, by group of cases.
_TOOLS = {
    "software": ("zc.buildout", "zc.recipe.egg", "pip", "uv"),
    "databases": ("ZODB", "ZEO"),
    "evolve": ("ZODB", "ZEO", "repoze.catalog", "hypatia"),
}


def describe(work: Path, groups: Sequence[str]) -> dict[str, Any]:
    """Return the description, by key.

    :param work: folder that the benchmarks work in.
    :param groups: of the cases that are run.
    """
    return {
        "processors": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "memory": f"{_memory() / 2**30:.0f} GiB",
        "file system": _file_system(work),
        "system": f"{_distribution()}, Linux {platform.release()}",
        "Python": platform.python_version(),
        **{tool: version(tool) for group in groups for tool in _TOOLS[group]},
        **({"rsync": _rsync(work)} if "databases" in groups else {}),
        "load at the start": f"{os.getloadavg()[0]:.2f}",
    }


def keep_to(processors: int) -> None:
    """Let this process, and all that it starts, use that many processors only."""
    usable = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, usable[:processors])


def _rsync(work: Path) -> str:
    """Return its version.

    :raises ProgramError: it is not on this machine.
    """
    try:
        return output(["rsync", "--version"], home=work).split()[2]
    except FileNotFoundError:
        raise ProgramError(
            "the program rsync is not on this machine; install its package"
        ) from None


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _file_system(path: Path) -> str:
    """Return the type of the file system that *path* is on."""
    found = ("", "unknown")
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, place, kind, *_ = line.split()
        if path.resolve().is_relative_to(place) and len(place) >= len(found[0]):
            found = (place, kind)
    return found[1]


def _distribution() -> str:
    return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
