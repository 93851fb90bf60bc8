"""An upgrade of a site: its read-only window, and what readers feel of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks import productsteps
from benchmarks.findings import (
    COUNT,
    MILLISECONDS,
    Finding,
    Measurement,
    Result,
    Target,
    at_most,
    ratio,
)
from benchmarks.oldway import Downtime
from benchmarks.sizes import DatabaseSize
from benchmarks.tails import Tail
from benchmarks.upgrades import Bench, benches
from benchmarks.workshop import Workshop
from tour.answers import Answer, Counts
from tour.crowd import visited
from tour.visitors import Plan

#: Databases that differ in nothing but what no evolve step has to do with.
_SIZES = (
    DatabaseSize("small", 100, 10**4, 10**3),
    DatabaseSize("middle", 300, 3 * 10**4, 3 * 10**3, 1),
    DatabaseSize("large", 1000, 10**5, 10**4),
)

_QUICK = (DatabaseSize("tiny", 2, 200, 20),)

#: Documents of the sample product, in each database.
_DOCUMENTS, _FEW = 4000, 60

_TAIL = Tail()

#: Rounds of the old way: it cannot be gone back to what was.
_OLD_ROUNDS = 1

#: The window of the largest database, of that of the smallest.
_SAME = 1.3

#: Seconds that visitors of the second part rest after an answer, who reads and who
#: writes, and that they are watched for before the upgrade and after it.
_PAUSE, _REST = 0.05, 0.5
_AROUND, _AROUND_QUICK = 5.0, 1.0

#: Milliseconds: what a reader may feel.
_WORST = 250

_WINDOW = """\
A site of the sample product, acme/1.0: two processes behind one socket, a ZEO \
server, the database on the same machine. Databases of {sizes}; {documents} documents \
in each, the rest are objects that no evolve step has to do with. `evolve 1.1`, a \
whole process, as an operator runs it; {tail} are committed right before the window. \
The window is from the first refused write to the first accepted one; all pages are \
served meanwhile. The old way, with a site of its own and the same database: the new \
release is ready and checked; the site stops, runzeo stops, `cp -a` of Data.fs and \
blobs, the same evolve steps by `evolve-run` on the files, runzeo starts, the revision \
becomes current, the site starts and answers. Nothing is answered meanwhile, and \
nothing is synced."""

_READING = """\
The site with the database of {size}. One process of four visitors, three who read \
lists and pages and one who searches, over a new connection every time and with a \
pause of {pause:g} ms after each answer; one more writes pages and uploads files, ten \
times as slowly. \
All share {processors} processors with the site, the servers, and the upgrade: backup, \
staging, evolving, restart of both processes, to {around:g} s after it. "At rest" is \
{around:g} s before it begins."""


@dataclass
class _Found:
    """What was seen with one size.

    :ivar upgrades: reports of ``evolve``.
    :ivar rollbacks: the same of ``evolve --rollback``.
    :ivar old: of the old way.
    """

    bench: Bench
    upgrades: list[Mapping[str, Any]] = field(default_factory=list)
    rollbacks: list[Mapping[str, Any]] = field(default_factory=list)
    old: list[Downtime] = field(default_factory=list)

    def named(self, what: str) -> str:
        """Return the name of a measurement."""
        return f"{self.bench.size.name}: {what}"


@dataclass(frozen=True)
class _Watch:
    """What visitors saw of one upgrade.

    :ivar begin: of the upgrade, seconds since the epoch.
    """

    begin: float
    answers: list[Answer]

    @property
    def reads(self) -> list[Answer]:
        """The answers to whoever read or searched."""
        return [each for each in self.answers if not each.is_write]

    @property
    def counts(self) -> Counts:
        """The answers in numbers."""
        return Counts.of(self.answers)

    def failed(self, *, writes: bool) -> list[Answer]:
        """Return what was answered as it should not be."""
        found = [each for each in self.answers if each.failed]
        return [each for each in found if each.is_write is writes]

    def worst(self, *, at_rest: bool = False) -> float:
        """Return the milliseconds of the longest read: until the upgrade, or since."""
        found = (
            each.seconds for each in self.reads if (each.end < self.begin) is at_rest
        )
        return 1000 * max(found, default=0.0)

    def usual(self) -> float:
        """Return the milliseconds that half of all reads took at most."""
        return 1000 * median(each.seconds for each in self.reads)


def run(shop: Workshop, *, quick: bool) -> list[Result]:
    """Upgrade sites with databases of all sizes, each way; then one with readers."""
    sizes = _QUICK if quick else _SIZES
    documents = _FEW if quick else _DOCUMENTS
    with benches(shop, sizes, documents, _TAIL) as found:
        windows = _windows(shop, found)
        around = _AROUND_QUICK if quick else _AROUND
        watches = list(_watches(shop, found[0], around))
        shop.progress.say("the product's step ...")
        first = found[0]
        steps = productsteps.compare(first.site, first.source, documents, shop.rounds)
    return [
        _of_windows(windows, documents, quick=quick),
        _of_readers(watches, sizes[0]),
        steps,
    ]


def _windows(shop: Workshop, found: Sequence[Bench]) -> list[_Found]:
    windows = [_Found(bench) for bench in found]
    for number in range(1, shop.rounds + 1):
        for each in windows:
            if each.bench.size.most and number > each.bench.size.most:
                continue
            told = f"round {number} of {shop.rounds}: {each.bench.size.title}"
            os.sync()
            shop.progress.say(f"{told}: evolve ...")
            each.upgrades.append(each.bench.upgrade())
            shop.progress.say(f"{told}: window {each.upgrades[-1]['window']:.3f} s")
            # The first one is upgraded again, with readers.
            if number == 1 or number < shop.rounds or each is windows[0]:
                each.rollbacks.append(each.bench.go_back())
            if number <= _OLD_ROUNDS:
                _old_way(shop, each, told)
    return windows


def _old_way(shop: Workshop, found: _Found, told: str) -> None:
    old = found.bench.old
    os.sync()
    shop.progress.say(f"{told}: stop, copy, evolve, start ...")
    found.old.append(old.upgrade())
    shop.progress.say(f"{told}: down for {found.old[-1].seconds:.3f} s")


def _watches(shop: Workshop, bench: Bench, around: float) -> Iterator[_Watch]:
    url = f"http://127.0.0.1:{bench.site.port}/"
    for number in range(1, shop.rounds + 1):
        shop.progress.say(f"round {number} of {shop.rounds}: upgrade with readers ...")
        os.sync()
        folder = str(shop.root / f"visitors-{number}")
        with visited(Plan(url, folder, _PAUSE, _REST)) as answers:
            time.sleep(around)
            begin = time.time()
            bench.upgrade()
            time.sleep(around)
        watch = _Watch(begin, answers)
        shop.progress.say(f"worst read: {watch.worst():.0f} ms")
        for each in answers:
            if each.failed:
                shop.progress.say(f"answered otherwise: {each}")
        yield watch
        if number < shop.rounds:
            bench.go_back()


def _of_windows(windows: Sequence[_Found], documents: int, *, quick: bool) -> Result:
    sizes = [each.bench.size.title for each in windows]
    return Result(
        case="upgrade window",
        title="The read-only window against the size of the database",
        compares=_WINDOW.format(
            sizes="; ".join(sizes), documents=f"{documents:,}", tail=_TAIL
        ),
        measurements=tuple(m for each in windows for m in _measured(each).values()),
        findings=tuple(_grown(windows, None if quick else at_most(_SAME))),
    )


_WINDOWS = "evolve: writes refused"
_WHOLE = "evolve: all of it"
_BACK = "evolve --rollback: writes refused"
_DOWN = "stop, copy, evolve, start: nothing answered"
_COPYING = "stop, copy, evolve, start: of that, copying"


def _measured(found: _Found) -> dict[str, Measurement]:
    values = {
        _WINDOWS: [each["window"] for each in found.upgrades],
        _WHOLE: [each["seconds"] for each in found.upgrades],
        _BACK: [each["window"] for each in found.rollbacks],
        _DOWN: [each.seconds for each in found.old],
        _COPYING: [each.copying for each in found.old],
    }
    return {
        what: Measurement(found.named(what), tuple(each))
        for what, each in values.items()
    }


def _grown(windows: Sequence[_Found], target: Target | None) -> Iterator[Finding]:
    measured = [_measured(each) for each in windows]
    for each, values in zip(windows, measured, strict=True):
        what = each.named("the old way stands still, of the read-only window")
        yield ratio(what, values[_DOWN], values[_WINDOWS])
    if len(windows) > 1:
        first, last = (each.bench.size.name for each in (windows[0], windows[-1]))
        for what, goal in ((_WINDOWS, target), (_WHOLE, None), (_DOWN, None)):
            yield ratio(
                f"{what}: {last}, of {first}", measured[-1][what], measured[0][what],
                goal,
            )  # fmt: skip


def _of_readers(watches: Sequence[_Watch], size: DatabaseSize) -> Result:
    return Result(
        case="upgrade readers",
        title="Reading during an upgrade",
        compares=_READING.format(
            size=size.title,
            pause=1000 * _PAUSE,
            around=_AROUND,
            processors=len(os.sched_getaffinity(0)),
        ),
        measurements=(
            _each("worst read, at rest", watches, lambda w: w.worst(at_rest=True)),
            _each("worst read, upgrading", watches, _Watch.worst),
            _each("half of all reads", watches, _Watch.usual),
            _each("reads", watches, lambda w: w.counts.reads, COUNT),
            _each("writes accepted", watches, lambda w: w.counts.accepted, COUNT),
            _each("writes refused", watches, lambda w: w.counts.refused, COUNT),
        ),
        findings=tuple(_felt(watches, quick=size in _QUICK)),
    )


def _each(
    name: str, watches: Sequence[_Watch], value: Any, unit: str = MILLISECONDS
) -> Measurement:
    return Measurement(name, tuple(float(value(watch)) for watch in watches), unit)


def _felt(watches: Sequence[_Watch], *, quick: bool) -> Iterator[Finding]:
    worst = max(watch.worst() for watch in watches)
    failed = sum(len(watch.failed(writes=False)) for watch in watches)
    lost = sum(len(watch.failed(writes=True)) for watch in watches)
    yield Finding(
        "the worst read of all rounds, upgrading",
        worst,
        MILLISECONDS,
        None if quick else at_most(_WORST),
    )
    yield Finding("reads that failed", failed, COUNT, at_most(0))
    yield Finding(
        "writes that were neither accepted nor refused", lost, COUNT, at_most(0)
    )
