"""Installing a set: the recipe against zc.buildout, pip and uv."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks import contenders as by
from benchmarks import ours
from benchmarks.findings import Finding, Measurement, Result, at_least, named, ratio
from benchmarks.rounds import compete
from benchmarks.softwaresets import SoftwareSet
from benchmarks.workshop import Ready, Workshop, write_index

#: "Level with" leaves room for what rounds differ by.
_LEVEL = 0.95

_COMPARES = """\
{count} distributions, the very same wheels for all: of the frozen index {first}, \
from local files, lxml as its ordinary wheel. Whole processes, from nothing to a \
finished installation: `bin/buildout` with the recipe (index and release checked, \
wheels verified by hash, bytecode compiled, all of it durable on disk); zc.buildout \
with zc.recipe.egg; `python -m venv --without-pip` and `pip install --no-deps \
--require-hashes`, which compiles; `uv venv` and `uv pip install --no-deps \
--require-hashes`. "Next version" is {second}, which changes {changed} of them, \
right after the first one. "The operation alone" leaves out the start of Python and \
zc.buildout, as those who write it into a program of their own would have it. All \
files are in the page cache, as nobody but root can empty it; before each run the \
disk has written what the one before left."""


def run(shop: Workshop, software: SoftwareSet) -> Result:
    """Let all install *software* in turn."""
    ready = shop.ready(software)
    found = compete(
        [
            *by.recipe(shop, ready),
            *by.operation(shop, ready),
            by.pip(shop, ready),
            by.uv(shop, ready, compiled=False),
            by.uv(shop, ready, compiled=True),
            *by.eggs(shop, ready, _index_of_next(shop, ready)),
        ],
        shop.rounds,
        shop,
        warm_up=True,
    )
    return Result(
        case=f"install {software.name}",
        title=f"Installing {software.title}",
        compares=_COMPARES.format(
            count=len(ready.wheels),
            first=software.first,
            second=software.second,
            changed=software.changed,
        ),
        measurements=tuple(found),
        findings=tuple(_findings(software, named(found))),
    )


def _index_of_next(shop: Workshop, ready: Ready) -> Path:
    software = ready.software
    release = ready.buildout.release(software.second)
    simple = shop.folder(f"{software.name}-simple-next")
    write_index(simple, ours.wheels_of(release, software.pool))
    return simple


def _findings(
    software: SoftwareSet, found: dict[str, Measurement]
) -> Iterator[Finding]:
    """Compare; what is promised of the large set only has a target there."""
    large = software.name == "plone"
    measured = software.name != "quick"
    yield ratio(
        "empty store: times faster than zc.buildout",
        found[by.EGGS],
        found[by.COLD],
        at_least(13) if large else None,
    )
    yield ratio(
        "empty store: times faster than pip",
        found[by.PIP],
        found[by.COLD],
        at_least(2) if large else None,
    )
    yield ratio(
        "empty store, the operation alone: times faster than pip",
        found[by.PIP],
        found[by.COLD_ALONE],
    )
    yield ratio(
        "next version: times faster than zc.buildout from nothing",
        found[by.EGGS],
        found[by.NEXT],
        at_least(100) if large else None,
    )
    yield ratio(
        "next version: times faster than zc.buildout with full eggs directory",
        found[by.EGGS_NEXT],
        found[by.NEXT],
    )
    yield ratio(
        "next version, the operation alone: times faster than zc.buildout",
        found[by.EGGS],
        found[by.NEXT_ALONE],
        at_least(100) if measured else None,
    )
    yield ratio(
        "next version, the operation alone: times faster than uv without bytecode",
        found[by.UV],
        found[by.NEXT_ALONE],
        at_least(_LEVEL) if measured else None,
    )
    yield ratio(
        "next version, bin/buildout: times faster than uv without bytecode",
        found[by.UV],
        found[by.NEXT],
    )
    yield ratio(
        "next version, bin/buildout: times faster than uv with bytecode",
        found[by.UV_COMPILED],
        found[by.NEXT],
    )
