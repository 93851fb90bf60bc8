"""Visitors of a site, all in one process of their own: some read, one writes.

The process is told what to do as JSON, prints a line of JSON about every half second,
goes on until its standard input ends, and then prints what was seen.  Each visitor asks
over a new connection, as a proxy does that keeps none.  Times are of the clock that all
processes of a machine share.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import IO

#: Seconds: more than anybody waits.
_PATIENCE = 60.0

#: Seconds between two lines.
_INTERVAL = 0.5

_TOKEN = "b" * 40

#: What is read besides pages: lists and searches.
LISTS = ("/", "/people", "/communities", "/search?q=report", "/search?q=budget+plan")

#: What is called with the requests so far: answered and failed reads, accepted and
#: refused writes.
Watch = Callable[["Counts"], None]


@dataclass(frozen=True)
class Plan:
    """What visitors do.

    :ivar readers: how many read at once.
    :ivar pause: seconds that each rests after an answer.
    :ivar pages: paths that are read, besides lists and searches.
    :ivar people: paths of profiles, which are changed in turn.
    """

    port: int
    readers: int
    pause: float
    pages: Sequence[str]
    people: Sequence[str]


@dataclass(frozen=True)
class Counts:
    """What was answered so far."""

    reads: int = 0
    failed: int = 0
    accepted: int = 0
    refused: int = 0

    def __str__(self) -> str:
        return (
            f"{self.reads} pages read, {self.failed} failed; {self.accepted} changes "
            f"accepted, {self.refused} refused politely"
        )


@dataclass(frozen=True)
class Answer:
    """One request.

    :ivar status: of the answer; 0: there was none.
    :ivar error: what went wrong; empty: nothing.
    """

    start: float
    end: float
    status: int
    error: str = ""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


@dataclass
class Seen:
    """What the visitors saw.

    :ivar writes: status 303: accepted; 503: refused.
    """

    reads: list[Answer] = field(default_factory=list)
    writes: list[Answer] = field(default_factory=list)

    @property
    def failed_reads(self) -> list[Answer]:
        """The reads that were not answered as they should."""
        return [each for each in self.reads if each.status != http.client.OK]

    @property
    def failed_writes(self) -> list[Answer]:
        """The writes that were neither accepted nor refused politely."""
        fine = (http.client.SEE_OTHER, http.client.SERVICE_UNAVAILABLE)
        return [each for each in self.writes if each.status not in fine]

    @property
    def counts(self) -> Counts:
        """In numbers."""
        return Counts(
            len(self.reads),
            len(self.failed_reads) + len(self.failed_writes),
            self.written(http.client.SEE_OTHER),
            self.written(http.client.SERVICE_UNAVAILABLE),
        )

    def written(self, status: int) -> int:
        """Return how many writes were answered so."""
        return sum(each.status == status for each in self.writes)


class Crowd:
    """Visitors of a site; :meth:`leave` ends them."""

    def __init__(self, process: subprocess.Popen[str], watch: Watch | None) -> None:
        self._process = process
        self._watch = watch
        self._last: dict[str, list[dict[str, object]]] = {}
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def leave(self) -> Seen:
        """End them, and return what they saw."""
        with contextlib.suppress(OSError):
            _pipe(self._process.stdin).close()
        self._listener.join(_PATIENCE)
        self._process.wait(_PATIENCE)
        found = self._last
        return Seen(*([Answer(**each) for each in found[k]] for k in found))  # type: ignore[arg-type]

    def _listen(self) -> None:
        for line in _pipe(self._process.stdout):
            told = json.loads(line)
            if "writes" in told:
                self._last = told
            elif self._watch:
                self._watch(Counts(**told))


@contextlib.contextmanager
def crowd(plan: Plan, watch: Watch | None = None) -> Iterator[Crowd]:
    """Let visitors come, and wait until they have begun."""
    process = subprocess.Popen(
        [sys.executable, "-I", __file__, json.dumps(asdict(plan))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # What is typed into our terminal is not for them.
        start_new_session=True,
    )
    try:
        _pipe(process.stdout).readline()
        yield Crowd(process, watch)
    finally:
        with contextlib.suppress(OSError):
            _pipe(process.stdin).close()
        process.kill()
        process.wait()
        _pipe(process.stdout).close()


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise AssertionError
    return stream


class _Visitors:
    """The visitors, a thread each."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.seen = Seen()
        self.ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._read, args=(number,))
            for number in range(plan.readers)
        ]
        self._threads += [
            threading.Thread(target=self._write),
            threading.Thread(target=self._tell),
        ]

    def run(self, stream: IO[str]) -> None:
        """Let them do what they do until *stream* ends."""
        for thread in self._threads:
            thread.start()
        stream.read()
        self.ended.set()
        for thread in self._threads:
            thread.join()

    def _read(self, number: int) -> None:
        pages = [*LISTS, *self.plan.pages]
        while not self.ended.wait(self.plan.pause):
            number += self.plan.readers
            self.seen.reads.append(self._ask("GET", pages[number % len(pages)]))

    def _write(self) -> None:
        number = 0
        # A tenth of what one reader reads.
        while not self.ended.wait(10 * self.plan.pause):
            number += 1
            person = self.plan.people[number % len(self.plan.people)]
            form = {
                "csrf_token": _TOKEN,
                "first_name": "Kim",
                "last_name": f"Number {number}",
                "website": "www.company.example",
            }
            body = urllib.parse.urlencode(form)
            self.seen.writes.append(self._ask("POST", f"{person}/@@edit", body))

    def _tell(self) -> None:
        while not self.ended.wait(_INTERVAL):
            print(json.dumps(asdict(self.seen.counts)), flush=True)

    def _ask(self, method: str, path: str, body: str = "") -> Answer:
        start, status, error = time.monotonic(), 0, ""
        headers = {"Connection": "close", "Cookie": f"csrf_token={_TOKEN}"}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.plan.port, timeout=_PATIENCE
        )
        with contextlib.closing(connection):
            try:
                connection.request(method, path, body or None, headers)
                with connection.getresponse() as reply:
                    reply.read()
                    status = reply.status
            except (OSError, http.client.HTTPException) as caught:
                error = repr(caught)
        return Answer(start, time.monotonic(), status, error)


def _main() -> None:
    visitors = _Visitors(Plan(**json.loads(sys.argv[1])))
    print("begun", flush=True)
    visitors.run(sys.stdin)
    seen = visitors.seen
    print(
        json.dumps(
            {
                "reads": [asdict(each) for each in seen.reads],
                "writes": [asdict(each) for each in seen.writes],
            }
        )
    )


if __name__ == "__main__":
    _main()
