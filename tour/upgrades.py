"""The chapters about the upgrade: rehearsal, cut-over, and the way back."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from karl.recipe.release.base.console import Console
from tour import visitors
from tour.telling import Row
from tour.workshop import UnexpectedError, Workshop

_LINK = re.compile(rb'href="(?:http://[^/"]+)?(/[^"?#]*)"')

#: How many visitors read at once, and how long each rests, in seconds.
_READERS, _PAUSE = 4, 0.1

#: How many pages are looked at to find others.
_LOOKED_AT = 60


def paths(port: int) -> tuple[list[str], list[str]]:
    """Return what can be read, and profiles that can be changed."""
    found, waiting = dict.fromkeys(visitors.LISTS), ["/", "/people", "/communities"]
    looked = 0
    while waiting and looked < _LOOKED_AT:
        looked += 1
        for link in _links(port, waiting.pop(0)):
            if link not in found and "@@" not in link and "/static" not in link:
                found[link] = None
                waiting.append(link)
    pages = [path for path in found if path.count("/") > 1]
    return pages, [path for path in pages if re.fullmatch(r"/people/[^/]+/?", path)]


def _links(port: int, path: str) -> list[str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    with connection.getresponse() as reply:
        text = reply.read()
        kind = reply.headers.get_content_type()
    connection.close()
    if kind != "text/html":
        return []
    return [each.decode("latin-1") for each in _LINK.findall(text)]


@contextmanager
def visited(shop: Workshop, port: int) -> Iterator[visitors.Crowd]:
    """Let visitors come, and show on a terminal how they fare."""
    pages, people = paths(port)
    plan = visitors.Plan(port, _READERS, _PAUSE, pages, [p.rstrip("/") for p in people])
    console = shop.teller.console
    watch = _line(console) if console.terminal and not console.quiet else None
    with visitors.crowd(plan, watch) as crowd:
        yield crowd


def _line(console: Console) -> visitors.Watch:
    def show(counts: visitors.Counts) -> None:
        console.stream.write(f"\r\x1b[K     visitors: {counts}\r")
        console.stream.flush()

    return show


def rehearse(shop: Workshop, row: Row) -> None:
    """Evolve a copy that is thrown away."""
    found = shop.answer(shop.site / "bin" / "evolve", "1.1", "--rehearse")
    row.found = f"a window of {found['predicted_window']:.1f} s is predicted"


def upgrade(shop: Workshop, row: Row) -> float:
    """Take the site to 1.1, while somebody else tries to do the same."""
    evolve = shop.site / "bin" / "evolve"
    refusals: list[str] = []
    second = threading.Thread(target=_second, args=(shop, refusals))
    second.start()
    found = shop.answer(evolve, "1.1")
    second.join()
    if not refusals:
        raise UnexpectedError("A second upgrade at the same time was not refused.", "")
    shop.teller.tell("Meanwhile somebody else tried the same, and was refused:")
    shop.teller.said(refusals[0])
    for step in found["evolved"]:
        shop.teller.said(f"{step['package']}: {step['title']}: {step['changed']}")
    row.found = f"release 1.1 on an evolved copy; window {found['window']:.1f} s"
    return float(found["window"])


def _second(shop: Workshop, refusals: list[str]) -> None:
    """Begin a second upgrade as soon as the first one holds the lock."""
    evolve = shop.site / "bin" / "evolve"
    end = time.monotonic() + 60
    while time.monotonic() < end and not refusals:
        told = subprocess.run(
            [evolve, "status", "--json"], capture_output=True, text=True, check=False
        ).stdout
        if not json.loads(told)["running"]:
            time.sleep(0.1)
            continue
        done = subprocess.run(
            [evolve, "1.1"], capture_output=True, text=True, check=False
        )
        if done.returncode == 5:
            refusals.append(done.stderr)
        return


def roll_back(shop: Workshop, row: Row) -> None:
    """Go back, though visitors have written since."""
    evolve = shop.site / "bin" / "evolve"
    told = shop.run(evolve, "--rollback", "--quiet", expect=3)
    shop.teller.said(told)
    shop.teller.tell("We do not need them, and say so. The copy that has them is kept.")
    found = shop.answer(evolve, "--rollback", "--discard-writes")
    row.found = (
        f"release {found['to']['release']} on the former copy; window "
        f"{found['window']:.1f} s"
    )
