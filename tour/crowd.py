"""Having a site visited, by a process of its own, while something happens to it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from tour.answers import Answer, Counts, read_answers
from tour.visitors import PATIENCE, Plan

#: The folder that the package is in.
_ROOT = Path(__file__).parents[1]

#: Seconds between two looks at the answers.
_INTERVAL = 0.5


@contextlib.contextmanager
def visited(
    plan: Plan, watch: Callable[[Counts], None] | None = None
) -> Iterator[list[Answer]]:
    """Have a site visited; the answers are there at the end.

    :param watch: is called now and then with the answers so far.
    """
    Path(plan.folder).mkdir()
    found: list[Answer] = []
    # What is typed into our terminal is not for them.
    process = subprocess.Popen(
        [sys.executable, "-Es", "-m", "tour.visitors", json.dumps(asdict(plan))],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    ended = threading.Event()
    watching = threading.Thread(target=_watch, args=(plan, watch, ended))
    try:
        _until_begun(process, plan)
        watching.start()
        yield found
    finally:
        ended.set()
        process.communicate(timeout=2 * PATIENCE)
        if watching.ident:
            watching.join()
    if process.returncode:
        raise ChildProcessError(f"the visitors ended with {process.returncode}")
    found += read_answers(plan.answers)


def _until_begun(process: subprocess.Popen[bytes], plan: Plan) -> None:
    while not (plan.answers.exists() and plan.answers.stat().st_size):
        if process.poll() is not None:
            raise ChildProcessError(f"the visitors ended with {process.returncode}")
        time.sleep(0.05)


def _watch(
    plan: Plan, watch: Callable[[Counts], None] | None, ended: threading.Event
) -> None:
    while watch and not ended.wait(_INTERVAL):
        watch(Counts.of(read_answers(plan.answers)))
