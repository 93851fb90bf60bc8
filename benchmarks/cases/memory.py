"""How much memory evolving takes, against the number of objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from benchmarks import steps
from benchmarks.findings import MIB, Finding, Measurement, Result, at_most, ratio
from benchmarks.steps import Documents
from benchmarks.workshop import Workshop

_COUNTS = (10**4, 10**5, 10**6)
_QUICK = (100, 200)

#: The plain function keeps everything in memory; with more it would take too long.
_PLAIN_MOST = 10**5

#: One of so many objects is changed.
_CHANGED = 10

#: Peak memory with the most objects, of that with the fewest.
_FLAT = 1.5

_LIBRARY, _PLAIN = "with the library", "a plain function"
_PACKAGES = {_LIBRARY: "targeted", _PLAIN: "plain"}

_COMPARES = """\
The step of the case before on {counts} documents without text, in a catalog of \
repoze.catalog with one index. It loads all of them; one of {changed} is changed and \
reindexed. Peak memory of the process `evolve-run`, as the kernel tells it: Python, \
ZODB, the catalog's code, and FileStorage's own index of all objects included. The \
plain function does the same in one transaction."""


def run(shop: Workshop, *, quick: bool) -> list[Result]:
    """Evolve databases with more and more objects; two at the same time."""
    counts = _QUICK if quick else _COUNTS
    shop.progress.say(f"evolving {', '.join(map(str, counts))} objects ...")
    with steps.pool() as pool:
        # The longest first, so that all others are done beside it.
        largest_first = sorted(counts, reverse=True)
        peaks = dict(pool.map(partial(_peaks, shop), largest_first))
    return [_result(counts, peaks, quick=quick)]


def _peaks(shop: Workshop, count: int) -> tuple[int, Mapping[str, float]]:
    """Return how many MiB each kind of step took at most."""
    folder = shop.root / f"memory-{count}"
    source = Documents("one index", count, 0, _CHANGED).write(folder, shop.home)
    found = {}
    for kind, package in _PACKAGES.items():
        if kind == _LIBRARY or count <= _PLAIN_MOST:
            copy = shop.root / f"memory-{count}-{package}"
            evolved = steps.evolve(source, package, copy, shop.home)
            found[kind] = evolved.peak / 2**20
            shop.progress.say(f"{count} objects, {kind}: {found[kind]:.0f} MiB")
    return count, found


def _result(
    counts: Sequence[int], peaks: Mapping[int, Mapping[str, float]], *, quick: bool
) -> Result:
    measured = {
        (kind, count): Measurement(
            f"{kind}: {count:,} objects", (peaks[count][kind],), MIB
        )
        for kind in _PACKAGES
        for count in counts
        if kind in peaks[count]
    }
    return Result(
        case="memory",
        title="Memory of evolving",
        compares=_COMPARES.format(
            counts=", ".join(f"{count:,}" for count in counts), changed=_CHANGED
        ),
        measurements=tuple(measured.values()),
        findings=tuple(_findings(measured, quick=quick)),
    )


def _findings(
    measured: Mapping[tuple[str, int], Measurement], *, quick: bool
) -> Iterator[Finding]:
    for kind in _PACKAGES:
        counts = [count for each, count in measured if each == kind]
        first, last = counts[0], counts[-1]
        target = None if quick or kind != _LIBRARY else at_most(_FLAT)
        yield ratio(
            f"{kind}: peak memory with {last:,} objects, of that with {first:,}",
            measured[kind, last],
            measured[kind, first],
            target,
        )
