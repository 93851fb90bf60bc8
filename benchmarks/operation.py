"""One operation of ours in a process of its own, timed inside: what is imported
before it does not count.

``python -m benchmarks.operation NAME JSON`` prints the seconds.
"""  # noqa: D205 - one sentence

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import ours
from benchmarks.programs import ROOT, output


def timed_operation(name: str, *, home: Path, **arguments: Any) -> float:
    """Run the operation *name* in a new process and return its seconds."""
    argv = [sys.executable, "-m", "benchmarks.operation", name]
    text = json.dumps(arguments, default=str)
    return float(output([*argv, text], home=home, cwd=ROOT))


def build(places: Sequence[str], site: str, index: str, eggs: Sequence[str]) -> None:
    """Build a release."""
    ours.build_release(_places(places), Path(site), index, eggs)


def verify(root: str, full: bool) -> None:  # noqa: FBT001 - of JSON
    """Verify a release."""
    ours.verify_release(Path(root), full=full)


def link(places: Sequence[str], index: str, project: str) -> None:
    """Have a wheel that is linked with the system's libraries."""
    ours.build_linked_wheel(_places(places), index, project)


OPERATIONS: dict[str, Callable[..., None]] = {
    "build": build,
    "verify": verify,
    "link": link,
}


def _places(texts: Sequence[str]) -> tuple[Path, Path, Path]:
    pool, indexes, store = map(Path, texts)
    return pool, indexes, store


def _main() -> None:
    operation = OPERATIONS[sys.argv[1]]
    arguments = json.loads(sys.argv[2])
    start = time.perf_counter()
    operation(**arguments)
    print(time.perf_counter() - start)


if __name__ == "__main__":
    _main()
