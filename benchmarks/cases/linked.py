"""lxml, built against the system's libraries."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import ours
from benchmarks.findings import Result, at_least, named, ratio
from benchmarks.operation import timed_operation
from benchmarks.programs import Command, timed
from benchmarks.rounds import Contender, compete
from benchmarks.softwaresets import SoftwareSet
from benchmarks.workshop import Workshop

PROJECT = "lxml"
DEFAULT = "pip wheel, default flags"
OURS = "karl.recipe"
AGAIN = "karl.recipe, the wheel built before"

#: Rounds of what takes minutes.
_MOST = 1

_COMPARES = """\
The same sdist of lxml, linked with the libraries of the system by both. `pip wheel \
--no-deps --no-binary lxml` in a whole process, with the flags that Python was built \
with, against the operation alone in a process of its own. Both build in an isolated \
environment whose requirements (Cython, setuptools) are installed from the frozen \
index; ours also strips, proves the linkage, and records where the wheel comes \
from. "The wheel built before" is the same operation once more, as a later release, \
index or customer does it: it must take no build."""


def run(shop: Workshop, software: SoftwareSet) -> Result:
    """Build in turn, each time anew."""
    ready = shop.ready(software)
    version = next(wheel.version for wheel in ready.wheels if wheel.name == PROJECT)
    simple = software.indexes / software.first / "simple"

    def by_pip(folder: Path) -> float:
        argv: Command = [
            sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps",
            "--no-binary", PROJECT, "--no-cache-dir",
            "--index-url", simple.as_uri(), "--wheel-dir", folder,
            f"{PROJECT}=={version}",
        ]  # fmt: skip
        return timed(argv, home=shop.home)

    def by_us(folder: Path) -> float:
        return timed_operation(
            "link",
            home=shop.home,
            places=(folder / "pool", software.indexes, folder / "store"),
            index=software.first,
            project=PROJECT,
        )

    def anew(folder: Path) -> float:
        _copy_pool(software.pool, folder / "pool")
        return by_us(folder)

    found = compete(
        [
            Contender(DEFAULT, "linked-default", by_pip, _MOST),
            Contender(OURS, "linked", anew, _MOST),
            Contender(AGAIN, "linked", by_us, _MOST),
        ],
        shop.rounds,
        shop,
        warm_up=False,
    )
    times = named(found)
    return Result(
        case="linked",
        title="Building lxml against the system's libraries",
        compares=_COMPARES,
        measurements=tuple(found),
        findings=(
            ratio(
                "times faster than the default build",
                times[DEFAULT],
                times[OURS],
                at_least(3),
            ),
            ratio(
                "the second use: times faster than the default build",
                times[DEFAULT],
                times[AGAIN],
                at_least(50),
            ),
        ),
    )


def _copy_pool(source: Path, pool: Path) -> None:
    """Make a pool of the same files, in which nothing was built yet."""
    pool.mkdir()
    for path in source.iterdir():
        if path.is_file() and not path.name.startswith("."):
            ours.link_or_copy(str(path), str(pool / path.name))
