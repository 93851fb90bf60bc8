"""switch-version, and its way back."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.findings import SECONDS, Finding, Result, at_most, named
from benchmarks.programs import output, timed
from benchmarks.rounds import Contender, compete
from benchmarks.softwaresets import SoftwareSet
from benchmarks.workshop import Workshop

#: Short things are measured more often.
_OFTEN = 5

START = "Python alone (-IS)"
SWITCH = "switch-version, without the smoke test"
BACK = "switch-version --rollback, without the smoke test"

_COMPARES = """\
`switch-version` to the next release of {title} and `switch-version --rollback`, in \
turn: whole processes, less the seconds of the smoke test (the release's imports, \
which depend on the application) that `--json` tells. Every file of the release is \
looked at (size, mode), a revision is written durably, `current` renamed."""


def run(shop: Workshop, software: SoftwareSet) -> Result:
    """Switch to and fro."""
    site = shop.ready(software).buildout.site
    command = site / "bin" / "switch-version"
    place = f"{software.name}-switch"
    first, second = (i.partition("/")[2] for i in (software.first, software.second))
    output([command, first], home=shop.home)

    def switch(*arguments: str) -> float:
        seconds, smoke = _switch(shop, command, arguments)
        return seconds - smoke

    found = compete(
        [
            Contender(START, place, lambda _: _start(shop)),
            Contender(SWITCH, place, lambda _: switch(second)),
            Contender(BACK, place, lambda _: switch("--rollback")),
        ],
        _OFTEN * shop.rounds,
        shop,
        warm_up=True,
    )
    times = named(found)
    return Result(
        case=f"switch {software.name}",
        title=f"switch-version: {software.title}",
        compares=_COMPARES.format(title=software.title),
        measurements=tuple(found),
        findings=tuple(
            Finding(
                f"{name}, beyond the start of Python",
                times[name].median - times[START].median,
                SECONDS,
                at_most(0.1) if software.name != "quick" else None,
            )
            for name in (SWITCH, BACK)
        ),
    )


def _switch(
    shop: Workshop, command: Path, arguments: tuple[str, ...]
) -> tuple[float, float]:
    """Return the seconds of a switch, and those of its smoke test."""
    start = time.perf_counter()
    told = output([command, *arguments, "--json"], home=shop.home)
    seconds = time.perf_counter() - start
    return seconds, json.loads(told)["seconds"].get("smoke", 0.0)


def _start(shop: Workshop) -> float:
    return timed([Path(sys.executable).resolve(), "-IS", "-c", ""], home=shop.home)
