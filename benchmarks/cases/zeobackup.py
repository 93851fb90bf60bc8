"""Backup, staging and catching up, against the size of the database."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import central, clients, databases, repozo
from benchmarks.central import DatabaseServer
from benchmarks.findings import (
    Finding,
    Measurement,
    Result,
    Target,
    at_most,
    named,
    ratio,
)
from benchmarks.rounds import Contender, compete
from benchmarks.sizes import QUICK, DatabaseSize
from benchmarks.tails import Tail
from benchmarks.verbs import Done
from benchmarks.workshop import Workshop

FULL = "zeoctl backup --full"
FULL_REPOZO = "repozo -B -F, rsync"
FULL_SYNCED = "repozo -B -F, rsync, sync"
INCREMENT = "zeoctl backup --incremental"
INCREMENT_ALONE = "zeoctl backup --incremental: the operation alone"
INCREMENT_REPOZO = "repozo -B, rsync --link-dest"
STAGE = "zeoctl stage"
RESTORE = "repozo -R, rsync"
RESTORE_SYNCED = "repozo -R, rsync, sync"
CATCH_UP = "zeoctl catch-up"
CATCH_UP_ALONE = "zeoctl catch-up: the operation alone"
QUICK_REPOZO = "repozo -B -Q, rsync --link-dest"
ANEW = "repozo -B -Q, rsync --link-dest, repozo -R, rsync --delete"

_TAIL = Tail()

#: Operations that are compared among sizes.
_GROWING = (INCREMENT, INCREMENT_ALONE, CATCH_UP, CATCH_UP_ALONE, QUICK_REPOZO, ANEW)

#: Times that what is short is done in a round; the median counts.
_REPEATS = 3

#: "The same whatever the size" leaves room for what rounds differ by.
_SAME = 1.25

_COMPARES = """\
A database of {title}, which a ZEO server serves meanwhile; repositories on the same \
file system; whole processes. In each round, in this order: a full backup; {tail}; an \
incremental backup; a new copy from it (`zeoctl stage`; `repozo -R` and `rsync` into a \
new folder); as much again; the copy is caught up. `zeoctl catch-up` makes an \
incremental backup and adds it to the copy; the others back up, too, and restore once \
more over what they restored, for repozo cannot add to a copy. `zeoctl catch-up` and \
`zeoctl backup --incremental` are repeated {repeats} times a round, with as much \
committed before each; their median counts. \
repozo and rsync are called as collective.recipe.backup does it (`-Q`, blobs in a new \
folder each time), but without its `--gzip`. `-Q` follows a backup of the small \
increment: right after a full backup it would read all of Data.fs. Ours, unlike \
theirs, verifies checksums while it copies, checks a staged copy, and is synced to \
the disk when it is done; "sync" is theirs with a `sync` after it. "The operation \
alone" leaves out the start of Python and imports. Afterwards the copies have the \
same bytes as the database."""

_AGAIN = "The same with a database of {title}."


@dataclass
class _Turn:
    """One round of one size, as its operations follow each other.

    :ivar increments: incremental backups, in their order.
    :ivar caught_up: each time that the staged copy was caught up.
    :ivar synced: seconds of what repozo did last, and of a sync after it.
    :ivar quick: seconds of repozo's quick backup.
    """

    others: repozo.Backups
    increments: list[Done] = field(default_factory=list)
    caught_up: list[Done] = field(default_factory=list)
    synced: float = 0.0
    quick: float = 0.0


@dataclass
class _Bench:
    """All rounds of one size."""

    shop: Workshop
    size: DatabaseSize
    server: DatabaseServer
    turn: _Turn | None = None

    def contenders(self) -> list[Contender]:
        """Return all operations, in their order."""
        steps = (
            (FULL, self._full),
            (FULL_REPOZO, lambda _: self._synced(self._now.others.full)),
            (FULL_SYNCED, lambda _: self._now.synced),
            (INCREMENT_REPOZO, self._increment_of_both),
            (STAGE, lambda _: self.server.zeoctl("stage").seconds),
            (RESTORE, lambda _: self._synced(self._now.others.restore)),
            (RESTORE_SYNCED, lambda _: self._now.synced),
            (QUICK_REPOZO, self._quick),
            (ANEW, lambda _: self._now.quick + self._now.others.restore()),
            (CATCH_UP, self._catch_up),
            (CATCH_UP_ALONE, lambda _: _alone(self._now.caught_up)),
            (INCREMENT, self._increment),
            (INCREMENT_ALONE, lambda _: _alone(self._now.increments)),
        )
        place = f"zeo-{self.size.name}"
        return [
            Contender(self.name(what), place, run, self.size.most)
            for what, run in steps
        ]

    def name(self, what: str) -> str:
        """Return the name of a measurement among those of all sizes."""
        return f"{self.size.name}: {what}"

    @property
    def _repeats(self) -> int:
        return 1 if self.size in QUICK else _REPEATS

    @property
    def _now(self) -> _Turn:
        assert self.turn
        return self.turn

    def _full(self, folder: Path) -> float:
        others = repozo.Backups(self.server.live, folder, self.shop.home)
        self.turn = _Turn(others)
        return self.server.zeoctl("backup", "--full").seconds

    def _synced(self, step: Callable[[], float]) -> float:
        """Take a step; then see how long it takes to be on the disk."""
        seconds = step()
        start = time.perf_counter()
        os.sync()
        self._now.synced = seconds + time.perf_counter() - start
        return seconds

    def _increment_of_both(self, folder: Path) -> float:
        self._grow(folder)
        self._back_up()
        return self._now.others.increment()

    def _quick(self, folder: Path) -> float:
        self._grow(folder)
        self._now.quick = self._now.others.increment("-Q")
        return self._now.quick

    def _catch_up(self, folder: Path) -> float:
        done = self._now.caught_up
        done.append(self.server.catch_up())
        for copy in (self.server.staged(), self._now.others.restored):
            databases.compare(self.server.live, copy)
        while len(done) < self._repeats:
            self._grow(folder)
            done.append(self.server.catch_up())
        self.server.retire_staged()
        return _seconds(done)

    def _increment(self, folder: Path) -> float:
        while len(self._now.increments) < self._repeats:
            self._grow(folder)
            self._back_up()
        return _seconds(self._now.increments)

    def _back_up(self) -> None:
        done = self.server.zeoctl("backup", "--incremental")
        self._now.increments.append(done)

    def _grow(self, folder: Path) -> None:
        """Commit the tail."""
        storage = clients.connect(
            self.server.address, self.server.storage_name, folder / "client"
        )
        try:
            oids = databases.planned(self.size).plain(_TAIL.transactions)
            _TAIL.commit(storage, oids, folder)
        finally:
            storage.close()
        os.sync()


def run(shop: Workshop, sizes: Sequence[DatabaseSize]) -> list[Result]:
    """Let both do everything in turn, with all sizes."""
    with contextlib.ExitStack() as stack:
        benches = [stack.enter_context(_ready(shop, size)) for size in sizes]
        contenders = [each for bench in benches for each in bench.contenders()]
        found = named(compete(contenders, shop.rounds, shop, warm_up=False))
    results = [
        _result(bench, found, _AGAIN if number else _COMPARES)
        for number, bench in enumerate(benches)
    ]
    if len(benches) > 1:
        growth = tuple(_growth(benches[0], benches[-1], found))
        last = results[-1]
        results[-1] = Result(
            last.case,
            last.title,
            last.compares,
            last.measurements,
            (*last.findings, *growth),
        )
    return results


@contextlib.contextmanager
def _ready(shop: Workshop, size: DatabaseSize) -> Iterator[_Bench]:
    """Give a size with its database written and served."""
    shop.progress.say(f"writing a database: {size.title} ...")
    server = central.make(shop.folder(f"zeo-{size.name}-server"), shop.home)
    databases.write(server.begin(), size)
    with server.serving():
        yield _Bench(shop, size, server)


def _seconds(done: Sequence[Done]) -> float:
    return median(each.seconds for each in done)


def _alone(done: Sequence[Done]) -> float:
    return median(each.alone for each in done)


def _result(bench: _Bench, found: dict[str, Measurement], text: str) -> Result:
    prefix = bench.name("")
    mine = {
        name.removeprefix(prefix): Measurement(
            name.removeprefix(prefix), measured.values
        )
        for name, measured in found.items()
        if name.startswith(prefix)
    }
    return Result(
        case=f"backup {bench.size.name}",
        title=f"Backup and catch-up, {bench.size.name}: {bench.size.title}",
        compares=text.format(title=bench.size.title, tail=_TAIL, repeats=_REPEATS),
        measurements=tuple(mine.values()),
        findings=tuple(_findings(mine)),
    )


def _findings(found: dict[str, Measurement]) -> Iterator[Finding]:
    for what, slow, fast in (
        ("full backup: times faster than repozo and rsync", FULL_REPOZO, FULL),
        ("full backup: times faster than both and sync", FULL_SYNCED, FULL),
        ("increment: times faster than repozo's default", INCREMENT_REPOZO, INCREMENT),
        ("increment: times faster than repozo -Q", QUICK_REPOZO, INCREMENT),
        ("stage: times faster than restoring", RESTORE, STAGE),
        ("stage: times faster than restoring and sync", RESTORE_SYNCED, STAGE),
        ("catch-up: times faster than restoring anew", ANEW, CATCH_UP),
    ):
        yield ratio(what, found[slow], found[fast])


def _growth(
    small: _Bench, large: _Bench, found: dict[str, Measurement]
) -> Iterator[Finding]:
    """Compare what the largest database takes with what the smallest takes."""
    for what in _GROWING:
        yield ratio(
            f"{what}: times that of the database called {small.size.name}",
            found[large.name(what)],
            found[small.name(what)],
            _same(what, small.size),
        )


def _same(what: str, size: DatabaseSize) -> Target | None:
    ours = what in {INCREMENT_ALONE, CATCH_UP_ALONE}
    return at_most(_SAME) if ours and size not in QUICK else None
