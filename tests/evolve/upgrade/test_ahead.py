"""What is loaded ahead of the read-only window, and never begins by itself."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys

import pytest
from support.upgradeworld import make

from karl.recipe.evolve.upgrade import evolvesteps
from karl.recipe.evolve.upgrade.phases import STEPS
from karl.recipe.evolve.upgrade.programs import Programs
from karl.recipe.evolve.upgrade.step import Work
from karl.recipe.release.base.errors import KarlError, UsageError
from karl.recipe.release.base.reporter import SilentReporter
from karl.recipe.release.base.waiting import eventually, has_ended

#: Says that it is ready, and when it was told to begin.
_READY = """echo '{"event": "ready"}'; read word || exit 6"""
_ENDS = """echo '{"event": "end", "deferred": []}'"""

_WAITS = """\
import sys, time
from pathlib import Path
from karl.recipe.evolve.upgrade.ahead import Ahead
ahead = Ahead.start(["sh", "-c", sys.argv[1]], Path("/dev/null"))
assert ahead.is_ready(60)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def work(tmp_path):
    """Return a function that gives work with a script as ``evolve-run``."""
    made = []

    def work_with(script):
        declared = make(tmp_path / "site").declared
        programs = Programs(declared, SilentReporter(), tmp_path / "errors")
        interpreter = programs.places.interpreter("1.1")
        interpreter.parent.mkdir(parents=True)
        interpreter.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/calls\n{script}\n')
        interpreter.chmod(0o755)
        database = tmp_path / "Data.fs"
        database.write_text("")
        facts = {"version": "1.1", "data": str(database), "blobs": str(tmp_path)}
        # A database server that is on this machine.
        declared = dataclasses.replace(declared, zeo_command=(str(interpreter),))
        programs.declared = declared
        places = programs.places.run(1)
        made.append(Work(declared, places, programs, SilentReporter(), facts))
        return made[-1]

    yield work_with
    for each in made:
        each.close()


def calls(tmp_path):
    """Return what ``evolve-run`` was started for, and whether it had to wait."""
    lines = (tmp_path / "calls").read_text().splitlines()
    actions = ("--evolve", "--verify")
    return sorted(
        (next(word for word in actions if word in line), "--when-told" in line)
        for line in lines
    )


AHEAD = [("--evolve", True), ("--verify", True)]


def test_they_do_what_they_were_started_for(work, tmp_path):
    """Each of the two does its own part, and no other process is started."""
    found = work(f"{_READY}; {_ENDS}")
    evolvesteps.load(found)
    assert calls(tmp_path) == AHEAD
    assert evolvesteps.evolve(found)["deferred"] == []
    assert evolvesteps.verify(found) == {"verified": 0}
    assert calls(tmp_path) == AHEAD
    assert not found.ahead


def test_one_that_has_ended_is_replaced(work, tmp_path):
    """A process that was killed while it waited is no reason to end."""
    found = work(
        f'case "$*" in *--when-told*) {_READY};; esac; {_ENDS}',
    )
    evolvesteps.load(found)
    for ahead in found.ahead.values():
        pid = ahead._running._child.pid
        os.killpg(pid, signal.SIGKILL)
        assert eventually(lambda pid=pid: has_ended(pid), 20)
    evolvesteps.evolve(found)
    evolvesteps.verify(found)
    assert calls(tmp_path) == [
        ("--evolve", False), ("--evolve", True),
        ("--verify", False), ("--verify", True),
    ]  # fmt: skip


def test_a_run_that_is_gone_on_with_has_none(work, tmp_path):
    """Processes end with the command that started them; another starts its own."""
    evolvesteps.evolve(work(_ENDS))
    assert calls(tmp_path) == [("--evolve", False)]


def test_software_that_cannot_be_loaded_is_told_before_the_window(work):
    """What such a process finds wrong ends the run where nothing was refused yet."""
    error = '{"event": "error", "message": "No such package.", "next": "", "exit": 2}'
    found = work(f"echo '{error}'; exit 2")
    with pytest.raises(UsageError, match="No such package"):
        evolvesteps.load(found)
    for steps in STEPS.values():
        names = [step.name for step in steps]
        if "load" in names and "mode" in names:
            assert names.index("load") < names.index("mode")


def test_one_that_fails_when_it_was_told_to_begin(work):
    """Its failure is that of the step."""
    found = work(f"{_READY}; exit 1")
    evolvesteps.load(found)
    with pytest.raises(KarlError, match="ended with status 1"):
        evolvesteps.evolve(found)


def test_what_waits_ends_with_the_one_who_started_it(tmp_path):
    """Killed, a command leaves nothing that waits for ever."""
    told = tmp_path / "pid"
    script = f"echo $$ > {told}; {_READY}"
    with subprocess.Popen(
        [sys.executable, "-c", _WAITS, script], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        process.kill()
    assert eventually(lambda: has_ended(int(told.read_text())), 20)
