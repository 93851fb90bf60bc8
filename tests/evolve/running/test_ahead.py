"""Processes that have their software, and wait to be told to begin."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest
from support.evolvesites import command, content, fill, run, surroundings

from karl.recipe.evolve.running.errors import UnfinishedError


@pytest.fixture
def waiting(packages, tmp_path):
    """Return one that waits, and the database that it will evolve."""
    data = tmp_path / "later" / "Data.fs"
    words = ("--data", data, "--evolve", "--json", "--when-told")
    with subprocess.Popen(
        command(packages, *words),
        env=surroundings(packages),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert json.loads(process.stdout.readline())["event"] == "ready"
        yield process, data
        process.kill()


def test_one_that_is_told_to_begin(waiting, packages, tmp_path):
    """The database need not be there before; the result is that of any other run."""
    process, data = waiting
    fill(data, 100)
    usual = fill(tmp_path / "usual" / "Data.fs", 100)
    assert run(packages, "--data", usual, "--evolve").returncode == 0
    told, _ = process.communicate("begin\n", timeout=60)
    assert json.loads(told.splitlines()[-1])["event"] == "end"
    assert process.returncode == 0
    assert content(data) == content(usual)


@pytest.mark.parametrize("how", ["nobody is there any more", signal.SIGTERM])
def test_one_that_is_not_needed(waiting, how):
    """It ends, and never looked for the database, which is not there."""
    process, data = waiting
    if isinstance(how, signal.Signals):
        process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode == UnfinishedError.exit_code
    assert not data.parent.exists()
