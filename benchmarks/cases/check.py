"""Runs with nothing to do, and looking at a release that is there."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.findings import SECONDS, Finding, Result, at_most, named
from benchmarks.operation import timed_operation
from benchmarks.programs import Command, timed
from benchmarks.rounds import Contender, compete
from benchmarks.softwaresets import SoftwareSet
from benchmarks.workshop import Workshop

START = "Python alone, with site"
NOTHING = "bin/buildout, nothing to do"
NOTHING_ALONE = "nothing to do: the operation alone"
FAST = "verify by size and mode: the operation alone"
FULL = "verify by hash: the operation alone"
VERIFY = "switch-version --verify: a whole process, by hash"

_COMPARES = """\
The release {second} of {title}, built already: {count} distributions. `bin/buildout` \
once more for it looks at the pool, at the frozen index and at every file of the \
release (size, mode, links), and changes nothing."""


def run(shop: Workshop, software: SoftwareSet) -> Result:
    """Look in turn at the release that is ready."""
    ready = shop.ready(software)
    buildout = ready.buildout
    root = buildout.release(software.second)
    version = software.second.partition("/")[2]
    place = f"{software.name}-check"
    start: Command = [sys.executable, "-c", ""]
    verify: Command = [buildout.site / "bin" / "switch-version", "--verify", version]

    def build(_: Path) -> float:
        return timed_operation(
            "build",
            home=shop.home,
            places=buildout.places,
            site=buildout.site,
            index=software.second,
            eggs=software.eggs,
        )

    def again(_: Path) -> float:
        return buildout.run(software.second, shop.home)

    def look(*, full: bool) -> float:
        return timed_operation("verify", home=shop.home, root=root, full=full)

    found = compete(
        [
            Contender(START, place, lambda _: timed(start, home=shop.home)),
            Contender(NOTHING, place, again),
            Contender(NOTHING_ALONE, place, build),
            Contender(FAST, place, lambda _: look(full=False)),
            Contender(FULL, place, lambda _: look(full=True)),
            Contender(VERIFY, place, lambda _: timed(verify, home=shop.home)),
        ],
        shop.rounds,
        shop,
        warm_up=True,
    )
    return Result(
        case=f"check {software.name}",
        title=f"Nothing to do, and verifying: {software.title}",
        compares=_COMPARES.format(
            second=software.second, title=software.title, count=len(ready.wheels)
        ),
        measurements=tuple(found),
        findings=(
            Finding(
                "a run with nothing to do",
                named(found)[NOTHING].median,
                SECONDS,
                at_most(1) if software.name != "quick" else None,
            ),
        ),
    )
