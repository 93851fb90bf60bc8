"""Clients of a ZEO server, a process each: readers and a writer.

``python -m benchmarks.clients read|write JSON`` prints a line when it has begun,
goes on until its standard input ends, and then prints what it saw.  Times are of
the clock that all processes of a machine share.
"""

from __future__ import annotations

import contextlib
import json
import logging
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from benchmarks.programs import ROOT, ProgramError, environment
from benchmarks.tails import commit

#: Seconds; reads that take less are counted only.
QUICK = 0.001

#: Bytes of the clients' caches: next to nothing, so that reads reach the server.
_CACHE = 1 << 16

_PATIENCE = 60.0


@dataclass(frozen=True)
class Event:
    """One commit, or one read that was slow or failed.

    :ivar end: on the machine's clock.
    :ivar error: the class of what it raised; empty: it succeeded.
    """

    start: float
    end: float
    error: str = ""

    def overlaps(self, start: float, end: float) -> bool:
        """Tell whether some of it was in that time."""
        return self.start < end and self.end > start


@dataclass(frozen=True)
class Seen:
    """What a client saw.

    :ivar count: reads or commits, all of them.
    """

    count: int
    events: tuple[Event, ...]

    def worst(self, start: float, end: float) -> float:
        """Return the seconds of the longest in that time."""
        found = (e.end - e.start for e in self.events if e.overlaps(start, end))
        return max(found, default=QUICK)

    def failed(self, start: float, end: float) -> list[Event]:
        """Return those that failed in that time."""
        return [e for e in self.events if e.error and e.overlaps(start, end)]


class Crowd:
    """Clients at work; :meth:`leave` ends them and returns what they saw."""

    def __init__(self, processes: Sequence[subprocess.Popen[str]]) -> None:
        self._processes = processes

    def leave(self) -> list[Seen]:
        """End all, and return what each saw, in the order of their start."""
        for process in self._processes:
            _stdin(process).close()
        return [_seen(process) for process in self._processes]


@contextlib.contextmanager
def crowd(
    kinds: Sequence[str], settings: Mapping[str, Any], home: Path
) -> Iterator[Crowd]:
    """Start clients and wait until all have begun.

    :param kinds: ``read`` or ``write``, an entry a client.
    :param settings: of :class:`_Work`.
    """
    text = json.dumps(settings, default=str)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.clients", kind, text],
            cwd=ROOT,
            env=environment(home),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for kind in kinds
    ]
    try:
        for process in processes:
            if _stdout(process).readline() != "begun\n":
                raise ProgramError("a client of the server could not begin")
        yield Crowd(processes)
    finally:
        for process in processes:
            with contextlib.suppress(OSError):
                _stdin(process).close()
            process.kill()
            process.wait()
            _stdout(process).close()


def _stdin(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdin
    return process.stdin


def _stdout(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout
    return process.stdout


def _seen(process: subprocess.Popen[str]) -> Seen:
    text = _stdout(process).read()
    process.wait(_PATIENCE)
    found = json.loads(text)
    return Seen(found["count"], tuple(Event(*event) for event in found["events"]))


@dataclass(frozen=True)
class _Work:
    """What a client is to do.

    :ivar address: host and port.
    :ivar oids: of the objects that it reads, or writes one after the other.
    """

    address: tuple[str, int]
    storage: str
    oids: list[int]


def connect(address: tuple[str, int], storage: str, blobs: Path | None = None) -> Any:
    """Return a storage, connected; if it is read-only, that will do.

    :param blobs: folder for a cache of blobs; None: there are none.
    """
    from ZEO.ClientStorage import ClientStorage

    return ClientStorage(
        tuple(address),
        storage=storage,
        cache_size=_CACHE,
        read_only_fallback=True,
        wait_timeout=_PATIENCE,
        server_sync=True,
        blob_dir=blobs and str(blobs),
    )


def _read(storage: Any, oid: int) -> None:
    storage.load(oid.to_bytes(8))


def _write(storage: Any, oid: int) -> None:
    commit(storage, [oid])


#: What it does, the pause between two of it, and from when on one is told of.
_KINDS: dict[str, tuple[Callable[[Any, int], None], float, float]] = {
    "read": (_read, 0.001, QUICK),
    "write": (_write, 0.01, 0.0),
}


def _main() -> None:
    do, pause, shortest = _KINDS[sys.argv[1]]
    # What ZEO has to say of refused commits is counted, not shown.
    logging.getLogger().addHandler(logging.NullHandler())
    work = _Work(**json.loads(sys.argv[2]))
    storage = connect(work.address, work.storage)
    ended = threading.Event()
    threading.Thread(target=_watch, args=(ended,), daemon=True).start()
    oids = work.oids[:]
    random.Random().shuffle(oids)
    count, events = 0, []
    do(storage, oids[0])
    print("begun", flush=True)
    while not ended.is_set():
        start, error = time.monotonic(), ""
        try:
            do(storage, oids[count % len(oids)])
        except Exception as caught:  # noqa: BLE001 - any failure is what is counted
            error = type(caught).__name__
        end = time.monotonic()
        count += 1
        if error or end - start > shortest:
            events.append((start, end, error))
        time.sleep(pause)
    storage.close()
    print(json.dumps({"count": count, "events": events}))


def _watch(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    _main()
