"""Visitors of the sample site, from a process of their own.

``python siteload.py URL FOLDER`` reads, searches and writes, each request over a new
connection as of a proxy that keeps none, until ``FOLDER/end`` is there.  Every answer
is a line of JSON in ``FOLDER/answers.jsonl``.

A write is done as a person does it: the form is sent, and the page that the answer
leads to is opened; so a write counts as accepted only if what it made was seen.  Each
makes a wiki page, or a file, with a word that is nowhere else.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import random
import re
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

#: Seconds: longer waits nobody.
PATIENCE = 60.0

_TOKEN = "b" * 40
_LISTS = ("/", "/people/", "/communities/", "/healthz")
_BOUNDARY = "a-line-that-is-in-no-file"


@dataclass(frozen=True)
class Answer:
    """What came of a request.

    :ivar kind: ``read``, ``search`` or ``write``.
    :ivar start: seconds since the epoch; ``end`` too.
    :ivar status: of the last answer; 0: there was none.
    :ivar retry_after: what a refusal says of it.
    :ivar word: of a write: what it is found by.
    :ivar made: of an accepted write: the path of what it made.
    :ivar error: what is wrong with it; empty: nothing.
    """

    kind: str
    path: str
    start: float
    end: float
    status: int
    retry_after: str = ""
    word: str = ""
    made: str = ""
    error: str = ""

    @property
    def accepted(self) -> bool:
        """It is a write, and it was done."""
        return self.kind == "write" and self.status == http.client.OK


@dataclass(frozen=True)
class Page:
    """What a server sent."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Visitor:
    """Somebody at a site."""

    def __init__(self, url: str) -> None:
        self.place = urllib.parse.urlsplit(url)

    def ask(
        self, path: str, body: bytes | None = None, kind: str = "text/html"
    ) -> Page:
        """Return what is answered."""
        connection = http.client.HTTPConnection(
            self.place.hostname or "", self.place.port, timeout=PATIENCE
        )
        headers = {"Connection": "close", "Cookie": f"csrf_token={_TOKEN}"}
        if body is not None:
            headers["Content-Type"] = kind
        with contextlib.closing(connection):
            method = "GET" if body is None else "POST"
            connection.request(method, path, body, headers)
            with connection.getresponse() as reply:
                return Page(reply.status, reply.headers, reply.read())

    def read(self, path: str, kind: str = "read") -> Answer:
        """Open a page."""
        return self._watched(kind, path, lambda: (self.ask(path), "", ""))

    def add_page(self, wiki: str, word: str) -> Answer:
        """Write a wiki page."""
        form = {"csrf_token": _TOKEN, "title": f"Note {word}", "text": f"Of {word}."}
        body = urllib.parse.urlencode(form).encode()
        kind = "application/x-www-form-urlencoded"
        return self._write(f"{wiki}@@add", body, kind, word)

    def add_file(self, files: str, word: str) -> Answer:
        """Upload a file."""
        fields = "".join(
            f"--{_BOUNDARY}\r\nContent-Disposition: form-data; "
            f'name="{name}"\r\n\r\n{value}\r\n'
            for name, value in (("csrf_token", _TOKEN), ("title", f"File {word}"))
        )
        body = (
            f"{fields}--{_BOUNDARY}\r\nContent-Disposition: form-data; "
            f'name="file"; filename="{word}.txt"\r\nContent-Type: text/plain\r\n\r\n'
            f"{content(word)}\r\n--{_BOUNDARY}--\r\n"
        )
        kind = f"multipart/form-data; boundary={_BOUNDARY}"
        return self._write(f"{files}@@add", body.encode(), kind, word)

    def _write(self, path: str, body: bytes, kind: str, word: str) -> Answer:
        def send() -> tuple[Page, str, str]:
            reply = self.ask(path, body, kind)
            if reply.status != http.client.SEE_OTHER:
                said = "" if reply.status != http.client.OK else "the form came back"
                return reply, "", said
            made = urllib.parse.urlsplit(reply.headers["Location"]).path
            page = self.ask(made)
            seen = word.encode() in page.body
            return page, made, "" if seen else f"{made} is not what was written"

        return self._watched("write", path, send, word)

    def _watched(
        self,
        kind: str,
        path: str,
        action: Callable[[], tuple[Page, str, str]],
        word: str = "",
    ) -> Answer:
        start, status, wait, made = time.time(), 0, "", ""
        try:
            page, made, error = action()
            status, wait = page.status, page.headers["Retry-After"] or ""
        except (OSError, http.client.HTTPException) as caught:
            error = repr(caught)
        return Answer(kind, path, start, time.time(), status, wait, word, made, error)


def content(word: str) -> str:
    """Return what is in the file of that word."""
    return f"{word}\n" * 500


def links(visitor: Visitor, path: str) -> list[str]:
    """Return the paths of what a list has, in its order."""
    found = re.findall(rf'href="({re.escape(path)}[^"/@?]+/)"', _text(visitor, path))
    return list(dict.fromkeys(found))


def _text(visitor: Visitor, path: str) -> str:
    return visitor.ask(path).body.decode()


class Load:
    """Three who read, one who searches, one who writes."""

    def __init__(self, url: str, folder: Path) -> None:
        self.visitor, self.folder = Visitor(url), folder
        self.communities = links(self.visitor, "/communities/")
        self.pages = [
            *_LISTS,
            *self.communities,
            *links(self.visitor, "/people/"),
            *links(self.visitor, f"{self.communities[0]}wiki/"),
        ]
        self._lock = threading.Lock()

    def run(self) -> None:
        """Go on until told to end."""
        searches = ("budget", "report", "travel", "review plan")
        found = [f"/search?q={urllib.parse.quote(word)}" for word in searches]
        loops = [
            *(self._each(self._shuffled(seed), "read") for seed in range(3)),
            self._each(itertools.cycle(found), "search"),
            self._writes(),
        ]
        with (self.folder / "answers.jsonl").open("w") as stream:
            threads = [
                threading.Thread(target=self._keep, args=(loop, stream.write))
                for loop in loops
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def _keep(self, answers: Iterator[Answer], write: Callable[[str], object]) -> None:
        while not (self.folder / "end").exists():
            line = json.dumps(asdict(next(answers))) + "\n"
            with self._lock:
                write(line)
            time.sleep(0.02)

    def _shuffled(self, seed: int) -> Iterator[str]:
        pages = list(self.pages)
        random.Random(seed).shuffle(pages)
        return itertools.cycle(pages)

    def _each(self, paths: Iterator[str], kind: str) -> Iterator[Answer]:
        return (self.visitor.read(path, kind) for path in paths)

    def _writes(self) -> Iterator[Answer]:
        for number in itertools.count():
            place = self.communities[number % len(self.communities)]
            word = f"zq{number}x{time.time_ns() // 1000}"
            if number % 5 == 4:
                yield self.visitor.add_file(f"{place}files/", word)
            else:
                yield self.visitor.add_page(f"{place}wiki/", word)


@contextlib.contextmanager
def visited(url: str, folder: Path) -> Iterator[list[Answer]]:
    """Have a site visited by another process; the answers are there at the end."""
    folder.mkdir()
    found: list[Answer] = []
    process = subprocess.Popen([sys.executable, __file__, url, str(folder)])
    try:
        _until_begun(process, folder)
        yield found
    finally:
        (folder / "end").touch()
        status = process.wait(2 * PATIENCE)
    assert status == 0
    found += read_answers(folder)


def _until_begun(process: subprocess.Popen[bytes], folder: Path) -> None:
    answers = folder / "answers.jsonl"
    while not (answers.exists() and answers.stat().st_size):
        assert process.poll() is None
        time.sleep(0.05)


def read_answers(folder: Path) -> list[Answer]:
    """Return every answer so far, in the order in which they came."""
    lines = (folder / "answers.jsonl").read_text().splitlines()
    return [Answer(**json.loads(line)) for line in lines]


if __name__ == "__main__":
    Load(sys.argv[1], Path(sys.argv[2])).run()
