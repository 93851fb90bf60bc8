from __future__ import annotations

import json
import resource
import subprocess
from collections.abc import Sequence
from pathlib import Path

from support.sites import make_release

from karl.recipe.release.base.payload import base_interpreter

#: Seconds beyond the interpreter's own start; see issue and documentation.
_ALLOWED = 0.1
_TRIES = 20


def _processor_seconds(command: Sequence[str | Path]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def test_checking_3000_files_takes_less_than_a_tenth_of_a_second(site):
    """Start, read, verify and decide: under 100 ms beyond the interpreter's start."""
    make_release(site, "2.0", extra_files=3000)
    command = [site.bin / "switch-version", "2.0"]
    subprocess.run(command, check=True, capture_output=True)
    start = min(
        _processor_seconds([base_interpreter(), "-IS", "-c", "pass"]) for _ in range(5)
    )
    spent = []
    for _ in range(_TRIES):
        spent.append(_processor_seconds(command) - start)
        if spent[-1] < _ALLOWED:
            return
    raise AssertionError(spent)


def test_writing_and_renaming_take_less_than_a_tenth_of_a_second(site):
    """All that a switch does beside the release's own imports is short."""
    for number in range(_TRIES):
        command = [site.bin / "switch-version", f"1.{number % 2}", "--json"]
        done = subprocess.run(command, check=True, capture_output=True)
        seconds = json.loads(done.stdout)["seconds"]
        assert "smoke" in seconds
        if sum(seconds.values()) - seconds["smoke"] < _ALLOWED:
            return
    raise AssertionError(seconds)
