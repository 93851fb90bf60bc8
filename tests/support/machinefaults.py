"""What stands in for ``zeoctl-ssh`` before a key: it is that, and loses connections.

``/srv/fault.json`` says which: ``kind``, and ``verbs`` (default: all).  Each command
is hit once, and works when it is asked for again.

- ``before``: the connection is lost before anything is done;
- ``during``: ... at the first change, and the rest is done all the same;
- ``after``: ... when all is done, before the answer;
- ``killed``: zeoctl is killed after its first change;
- ``hold``: it stops at its first change until ``/srv/go`` is there.

``/srv/asked`` gets a line for each command.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.faults import Fault

from karl.recipe.release.base import files
from karl.recipe.zeoserver.commands import forced

FOLDER = Path("/srv")
PLAN = FOLDER / "fault.json"
ASKED = FOLDER / "asked"
HELD = FOLDER / "held"
GO = FOLDER / "go"
_MARKS = FOLDER / "hit"


def main(root: str, storage: str) -> int:
    """Do what is asked for, with the fault that is planned."""
    asked = os.environ.get(forced.VARIABLE, "")
    kind = _planned(shlex.split(asked))
    with ASKED.open("a") as log:
        log.write(f"{kind or 'well'} {asked}\n")

    def work() -> int:
        return forced.main(root, [storage])

    return FAULTS[kind](work) if kind else work()


def _planned(words: list[str]) -> str:
    if not PLAN.exists() or len(words) < 2:
        return ""
    plan = json.loads(PLAN.read_text())
    if plan.get("verbs") and words[1] not in plan["verbs"]:
        return ""
    _MARKS.mkdir(exist_ok=True)
    name = "_".join(words[1:]).partition("_--json")[0].replace("/", "_")
    try:
        (_MARKS / name).touch(exist_ok=False)
    except FileExistsError:
        return ""
    return str(plan["kind"])


def cut() -> None:
    """Lose the connection that this came by."""
    pid = os.getppid()
    while not Path(f"/proc/{pid}/comm").read_text().startswith("sshd"):
        text = Path(f"/proc/{pid}/status").read_text()
        pid = int(text.partition("PPid:")[2].split()[0])
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.2)


def _before(work: Callable[[], int]) -> int:
    cut()
    return 1


def _during(work: Callable[[], int]) -> int:
    fault = Fault(1, cut)
    return _with(fault, work)


def _after(work: Callable[[], int]) -> int:
    with contextlib.redirect_stdout(io.StringIO()):
        code = work()
    cut()
    return code


def _killed(work: Callable[[], int]) -> int:
    fault = Fault(2, _kill)
    with contextlib.redirect_stdout(io.StringIO()):
        _with(fault, work)
    _kill()
    raise AssertionError


def _hold(work: Callable[[], int]) -> int:
    return _with(Fault(1, _wait), work)


def _with(fault: Fault, work: Callable[[], int]) -> int:
    seam: Any = fault
    files.seam = seam
    code = work()
    if not fault.fired:
        fault.what()
    return code


def _wait() -> None:
    HELD.touch()
    while not GO.exists():
        time.sleep(0.05)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


FAULTS = {
    "before": _before,
    "during": _during,
    "after": _after,
    "killed": _killed,
    "hold": _hold,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
