"""Visitors of the sample site, all in a process of their own: some read, one writes.

``python -m tour.visitors PLAN`` is told what to do as JSON, and goes on until its
standard input ends.  Each request is made over a new connection, as of a proxy that
keeps none.  Every answer is a line of JSON in a file.

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
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tour.answers import Answer

#: Seconds: longer waits nobody.
PATIENCE = 60.0

_TOKEN = "b" * 40
_LISTS = ("/", "/people/", "/communities/", "/healthz")
_SEARCHES = ("budget", "report", "travel", "review plan")
_BOUNDARY = "a-line-that-is-in-no-file"


@dataclass(frozen=True)
class Plan:
    """What visitors do: three read, one searches, one writes.

    :ivar url: of the site.
    :ivar folder: for the answers; it is made.
    :ivar pause: seconds that who reads or searches rests after an answer.
    :ivar rest: seconds that who writes does.
    """

    url: str
    folder: str
    pause: float = 0.02
    rest: float = 0.02

    @property
    def answers(self) -> Path:
        """Where the answers are."""
        return Path(self.folder, "answers.jsonl")


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

    def links(self, path: str) -> list[str]:
        """Return the paths of what a list has, in its order."""
        text = self.ask(path).body.decode()
        found = re.findall(rf'href="({re.escape(path)}[^"/@?]+/)"', text)
        return list(dict.fromkeys(found))

    def read(self, path: str, kind: str) -> Answer:
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


class _Load:
    """The visitors, a thread each."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._visitor = visitor = Visitor(plan.url)
        self._communities = visitor.links("/communities/")
        self._pages = [
            *_LISTS,
            *self._communities,
            *visitor.links("/people/"),
            *visitor.links(f"{self._communities[0]}wiki/"),
        ]
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def run(self) -> None:
        """Let them do what they do until standard input ends."""
        searches = (f"/search?q={urllib.parse.quote(word)}" for word in _SEARCHES)
        loops = [(self._reads(seed), self._plan.pause) for seed in range(3)]
        loops += [
            (self._each(itertools.cycle(searches), "search"), self._plan.pause),
            (self._writes(), self._plan.rest),
        ]
        with self._plan.answers.open("w", buffering=1) as stream:
            threads = [
                threading.Thread(target=self._keep, args=(*loop, stream.write))
                for loop in loops
            ]
            for thread in threads:
                thread.start()
            sys.stdin.read()
            self._ended.set()
            for thread in threads:
                thread.join()

    def _keep(
        self, answers: Iterator[Answer], pause: float, write: Callable[[str], object]
    ) -> None:
        while not self._ended.wait(pause):
            line = json.dumps(asdict(next(answers))) + "\n"
            with self._lock:
                write(line)

    def _reads(self, seed: int) -> Iterator[Answer]:
        pages = list(self._pages)
        random.Random(seed).shuffle(pages)
        return self._each(itertools.cycle(pages), "read")

    def _each(self, paths: Iterator[str], kind: str) -> Iterator[Answer]:
        return (self._visitor.read(path, kind) for path in paths)

    def _writes(self) -> Iterator[Answer]:
        for number in itertools.count():
            place = self._communities[number % len(self._communities)]
            word = f"zq{number}x{time.time_ns() // 1000}"
            if number % 5 == 4:
                yield self._visitor.add_file(f"{place}files/", word)
            else:
                yield self._visitor.add_page(f"{place}wiki/", word)


if __name__ == "__main__":
    _Load(Plan(**json.loads(sys.argv[1]))).run()
