"""Running the programs that are compared, and taking their time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

#: The checkout.
ROOT = Path(__file__).resolve().parents[1]

#: Where the environment of this Python has its commands.
COMMANDS = Path(sys.prefix) / "bin"

_TAIL = 3000

#: A program and its arguments.
Command = Sequence[str | Path]


class ProgramError(Exception):
    """A program failed; the text has the end of its output."""


def environment(home: Path) -> dict[str, str]:
    """Return an environment in which nothing of the user's or machine's counts."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "UV_NO_CONFIG": "1",
    }


def timed(argv: Command, *, home: Path, cwd: Path | None = None) -> float:
    """Run a program to its end and return the seconds that it took.

    :raises ProgramError: it failed.
    """
    start = time.perf_counter()
    output(argv, home=home, cwd=cwd)
    return time.perf_counter() - start


def output(
    argv: Command,
    *,
    home: Path,
    cwd: Path | None = None,
    variables: Mapping[str, str] = {},  # never changed
) -> str:
    """Run a program to its end and return what it printed.

    :raises ProgramError: it failed.
    """
    done = subprocess.run(
        argv,
        check=False,
        cwd=cwd or home,
        env={**environment(home), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = (done.stdout + done.stderr)[-_TAIL:]
        raise ProgramError(f"{argv} ended with {done.returncode}:\n{said}")
    return done.stdout
