"""The chapters about the upgrade: rehearsal, cut-over, and the way back."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from karl.recipe.release.base.console import Console
from tour import crowd
from tour.answers import Answer, Counts
from tour.telling import Row
from tour.visitors import Plan
from tour.workshop import UnexpectedError, Workshop

#: Seconds that who reads, and who writes, rests after an answer.
_PAUSE, _REST = 0.1, 1.0


@contextmanager
def visited(shop: Workshop, port: int) -> Iterator[list[Answer]]:
    """Let visitors come, and show on a terminal how they fare."""
    url, folder = f"http://127.0.0.1:{port}/", str(shop.root / "visitors")
    console = shop.teller.console
    watch = _line(console) if console.terminal and not console.quiet else None
    with crowd.visited(Plan(url, folder, _PAUSE, _REST), watch) as answers:
        yield answers


def _line(console: Console) -> Callable[[Counts], None]:
    def show(counts: Counts) -> None:
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
    ended = threading.Event()
    second = threading.Thread(target=_second, args=(shop, refusals, ended))
    second.start()
    try:
        found = shop.answer(evolve, "1.1")
    finally:
        ended.set()
        second.join()
    if not refusals:
        raise UnexpectedError("A second upgrade at the same time was not refused.", "")
    shop.teller.tell("Meanwhile somebody else tried the same, and was refused:")
    shop.teller.said(refusals[0])
    for step in found["evolved"]:
        shop.teller.said(f"{step['package']}: {step['title']}: {step['changed']}")
    row.found = f"release 1.1 on an evolved copy; window {found['window']:.1f} s"
    return float(found["window"])


def _second(shop: Workshop, refusals: list[str], ended: threading.Event) -> None:
    """Begin a second upgrade as soon as the first one holds the lock.

    :param ended: the first one has.
    """
    evolve = shop.site / "bin" / "evolve"
    while not ended.wait(0.1):
        told = subprocess.run(
            [evolve, "status", "--json"], capture_output=True, text=True, check=False
        ).stdout
        if not told or not json.loads(told).get("running"):
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
