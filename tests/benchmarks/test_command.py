from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest


def _benchmarks(checkout, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=checkout,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_quick_run(checkout, tmp_path):
    """The quick run goes through every case that tiny wheels can be in."""
    done = _benchmarks(
        checkout, "--quick", "--work", tmp_path / "work", "--json", tmp_path / "found"
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found").read_text())
    assert [result["case"] for result in found["results"]] == [
        f"{case} quick" for case in ("install", "disk", "switch", "check", "start")
    ]
    assert "### Installing two tiny wheels" in done.stdout
    assert "round 1 of 1: karl.recipe" in done.stderr
    assert not os.listdir(tmp_path / "work")


def test_results_are_shown_again(checkout, tmp_path):
    """Results that were written are printed without a run."""
    path = checkout / "benchmarks" / "results.json"
    done = _benchmarks(checkout, "--show", path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Machine: processors: ")


def test_documentation_has_the_results(checkout):
    """The documentation has the table of the results in the repository, unchanged."""
    document = (checkout / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    path = checkout / "benchmarks" / "results.json"
    assert _benchmarks(checkout, "--show", path).stdout in document


def test_unknown_case_is_refused(checkout):
    """A case that there is not is refused, before anything is done."""
    done = _benchmarks(checkout, "speed")
    assert done.returncode == 2
    assert "there is no case 'speed'" in done.stderr
