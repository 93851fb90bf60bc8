from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

#: What is in the repository.
RESULTS = ("results.json", "databases.json", "evolve.json")


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
    done = _quick(checkout, tmp_path, "software")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found").read_text())
    assert [result["case"] for result in found["results"]] == [
        f"{case} quick" for case in ("install", "disk", "switch", "check", "start")
    ]
    assert "### Installing two tiny wheels" in done.stdout
    assert "round 1 of 1: karl.recipe" in done.stderr
    assert not os.listdir(tmp_path / "work")


@pytest.mark.slow
def test_quick_run_of_databases(checkout, tmp_path):
    """The quick run goes through all cases of databases, with tiny ones.

    What is copied there is compared with the database, by the case itself.
    """
    done = _quick(checkout, tmp_path, "databases")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found").read_text())
    assert [result["case"] for result in found["results"]] == [
        "backup tiny", "backup twice", "read-only tiny",
    ]  # fmt: skip
    assert "rsync" in found["machine"]
    assert not os.listdir(tmp_path / "work")


@pytest.mark.slow
def test_quick_run_of_evolving(checkout, place):
    """The quick run upgrades a site in both ways, and runs all kinds of steps.

    Not one read fails meanwhile, and every write is accepted or refused.
    """
    done = _quick(checkout, place, "evolve")
    assert done.returncode == 0, done.stderr
    found = json.loads((place / "found").read_text())
    results = {result["case"]: result for result in found["results"]}
    assert list(results) == [
        "upgrade window", "upgrade readers", "upgrade step",
        "reindex repoze.catalog", "reindex hypatia", "memory",
    ]  # fmt: skip
    readers = results["upgrade readers"]["findings"]
    assert [each["reached"] for each in readers] == [None, True, True]
    assert not os.listdir(place / "work")


def _quick(checkout, folder, group):
    return _benchmarks(
        checkout, group, "--quick", "--work", folder / "work", "--json",
        folder / "found",
    )  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_shown_again(checkout, name):
    """Results that were written are printed without a run."""
    path = checkout / "benchmarks" / name
    done = _benchmarks(checkout, "--show", path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Machine: processors: ")


@pytest.mark.parametrize("name", RESULTS)
def test_documentation_has_the_results(checkout, name):
    """The documentation has the table of the results in the repository, unchanged."""
    document = (checkout / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    path = checkout / "benchmarks" / name
    assert _benchmarks(checkout, "--show", path).stdout in document


def test_unknown_case_is_refused(checkout):
    """A case that there is not is refused, before anything is done."""
    done = _benchmarks(checkout, "speed")
    assert done.returncode == 2
    assert "there is no case 'speed'" in done.stderr
