"""What a site feels while its database goes read-only, and comes back."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks import central, clients, databases
from benchmarks.clients import Seen
from benchmarks.findings import (
    COUNT,
    MILLISECONDS,
    Finding,
    Measurement,
    Result,
    Target,
    at_most,
)
from benchmarks.readonly import ByRestart, InPlace, Way
from benchmarks.sizes import QUICK, DatabaseSize
from benchmarks.workshop import Workshop

_READERS = 4

#: Seconds that clients are watched for after each change, and that they have
#: beforehand to reach their pace; those of a quick run.
_AFTER = 3.0
_AFTER_QUICK = 0.3

#: Milliseconds: what a site may feel.
_WORST = 100

IN_PLACE = "in place"
RESTART = "restart"
_TITLES = {IN_PLACE: "zeoctl, in place", RESTART: "runzeo, restarted"}

REST = "at rest"
READ_ONLY = "going read-only"
WRITABLE = "becoming writable"

#: What a client raises when the database is read-only.
_REFUSED = "ReadOnlyError"

_COMPARES = """\
{readers} processes read objects of a database of {title} as fast as they get them, \
but for a pause of 1 ms, from a ZEO server on loopback TCP, all with next to no cache; \
one more commits about 80 times a second. All connect with `read-only-fallback`. \
Meanwhile the database becomes read-only, and writable again: in place by `zeoctl`, \
or by ending `runzeo` and starting it with `read-only true`, and again with `false`. \
The worst read is the longest of all readers from the change's begin to {after:g} s \
after its end, the start of the process that asks for it included, on {processors} \
processors for them all; "at rest" is as long a time before."""


@dataclass(frozen=True)
class _Watch:
    """What clients saw in one round of one way.

    :ivar spans: begin and end of what happened, by name.
    :ivar took: seconds that each change took.
    """

    spans: Mapping[str, tuple[float, float]]
    took: Mapping[str, float]
    readers: Sequence[Seen]
    writer: Seen

    def worst(self, what: str) -> float:
        """Return the milliseconds of the longest read."""
        return 1000 * max(seen.worst(*self.spans[what]) for seen in self.readers)

    def failed(self) -> int:
        """Return how many reads failed in all that time."""
        everything = self._everything
        return sum(len(seen.failed(*everything)) for seen in self.readers)

    def lost(self) -> int:
        """Return how many commits failed otherwise than by being refused."""
        failed = self.writer.failed(*self._everything)
        return sum(event.error != _REFUSED for event in failed)

    def back(self) -> float:
        """Return the seconds until the writer could commit again."""
        start, end = self.spans[WRITABLE]
        done = [
            event.end
            for event in self.writer.events
            if event.start >= start and not event.error
        ]
        return min(done, default=end) - start

    @property
    def _everything(self) -> tuple[float, float]:
        return self.spans[REST][0], self.spans[WRITABLE][1]


def run(shop: Workshop, sizes: Sequence[DatabaseSize]) -> list[Result]:
    """Let the smallest of the databases become read-only in both ways, in turn."""
    size = sizes[0]
    shop.progress.say(f"writing a database for each way: {size.title} ...")
    ways = _ways(shop, size)
    found: dict[str, list[_Watch]] = {name: [] for name in ways}
    for number in range(1, shop.rounds + 1):
        for name, way in ways.items():
            shop.progress.say(f"round {number} of {shop.rounds}: {_TITLES[name]} ...")
            found[name].append(_watch(shop, way, size))
    quick = size in QUICK
    return [
        Result(
            case=f"read-only {size.name}",
            title="Going read-only under load",
            compares=_COMPARES.format(
                readers=_READERS,
                title=size.title,
                after=_AFTER,
                processors=len(os.sched_getaffinity(0)),
            ),
            measurements=tuple(_measurements(found)),
            findings=tuple(_findings(found, None if quick else at_most(_WORST))),
        )
    ]


def _ways(shop: Workshop, size: DatabaseSize) -> dict[str, Way]:
    server = central.make(shop.folder("zeo-read-only"), shop.home)
    databases.write(server.begin(), size)
    folder = shop.folder("zeo-restart")
    other = databases.write(folder, size)
    return {IN_PLACE: InPlace(server), RESTART: ByRestart(other, folder, shop.home)}


def _watch(shop: Workshop, way: Way, size: DatabaseSize) -> _Watch:
    settings = {
        "address": way.address,
        "storage": way.storage_name,
        "oids": databases.planned(size).plain(size.objects),
    }
    spans: dict[str, tuple[float, float]] = {}
    took: dict[str, float] = {}
    kinds = ["read"] * _READERS + ["write"]
    os.sync()
    after = _AFTER_QUICK if size in QUICK else _AFTER
    with way.serving(), clients.crowd(kinds, settings, shop.home) as crowd:
        time.sleep(after)
        for what, read_only in ((REST, None), (READ_ONLY, True), (WRITABLE, False)):
            start = time.monotonic()
            took[what] = 0 if read_only is None else way.set_mode(read_only=read_only)
            time.sleep(after)
            spans[what] = start, time.monotonic()
        *readers, writer = crowd.leave()
    return _Watch(spans, took, readers, writer)


def _measurements(found: Mapping[str, Sequence[_Watch]]) -> Iterator[Measurement]:
    """Yield what both ways took, a value a round."""
    for name, watches in found.items():
        title = _TITLES[name]
        for what in (REST, READ_ONLY, WRITABLE):
            yield Measurement(
                f"{title}: worst read, {what}",
                tuple(watch.worst(what) for watch in watches),
                MILLISECONDS,
            )
        for what in (READ_ONLY, WRITABLE):
            seconds = tuple(watch.took[what] for watch in watches)
            yield Measurement(f"{title}: the change itself, {what}", seconds)
        back = tuple(watch.back() for watch in watches)
        yield Measurement(f"{title}: until the writer commits again", back)
        reads = tuple(sum(r.count for r in watch.readers) for watch in watches)
        yield Measurement(f"{title}: reads", reads, COUNT)


def _findings(
    found: Mapping[str, Sequence[_Watch]], target: Target | None
) -> Iterator[Finding]:
    worst = {
        name: max(watch.worst(READ_ONLY) for watch in watches)
        for name, watches in found.items()
    }
    for name, watches in found.items():
        ours = name == IN_PLACE
        title = _TITLES[name]
        yield Finding(
            f"{title}: the worst read of all rounds, {READ_ONLY}",
            worst[name],
            MILLISECONDS,
            target if ours else None,
        )
        failed = sum(watch.failed() for watch in watches)
        none = at_most(0) if ours and target else None
        yield Finding(f"{title}: reads that failed", failed, COUNT, none)
        lost = sum(watch.lost() for watch in watches)
        yield Finding(
            f"{title}: commits that failed otherwise than by being refused", lost, COUNT
        )
    yield Finding(
        "the worst read when the server is restarted, of that in place",
        worst[RESTART] / worst[IN_PLACE],
    )
