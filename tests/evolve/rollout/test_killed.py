"""Killed anywhere, a rollout is finished by running it again."""

from __future__ import annotations

import subprocess
import tempfile

import pytest
from support import faults
from support.rollouts import SCRIPTS

from karl.recipe.evolve.rollout import command, steps
from karl.recipe.release.base.journal import Journal

DONE = ["buildout site:version=1.1", "evolve 1.1 --rehearse", "evolve 1.1"]


def killed(world, event, step) -> bool:
    """Run it until an entry of the journal; tell whether it came to that.

    It is killed when a step was begun, or when it is done and that is not written yet.
    """

    def body() -> None:
        _kill_at(event, step)
        tempfile.tempdir = str(world.scratch)
        assert command.main(str(world.root), ["1.1", "--quiet"]) == 0

    return faults.killed(body, silent=True)


def _kill_at(event, step):
    original = Journal.append

    def append(self, name, **details):
        if name == "step":
            original(self, name, **details)
        if (name, details.get("step")) == (event, step):
            faults.die()
        if name != "step":
            original(self, name, **details)

    Journal.append = append


@pytest.mark.slow
@pytest.mark.parametrize("far", [False, True], ids=["here", "far"])
def test_killed_at_each_step(worlds, far):
    """At each step, before and after: the next run goes on, and all is as it should."""
    world = worlds(far=far)
    names = [name for name in steps.NAMES if far or name != "ship"]
    for name in names:
        assert killed(world, "step", name), name
        assert killed(world, "done", name), name
    found = world.run("1.1")
    assert found["complete"]
    assert world.state["live"] == "1.1"
    calls = world.calls
    assert list(dict.fromkeys(calls)) == DONE
    # What is only repeated, and does nothing then, is repeated at most.
    assert calls.count("evolve 1.1") == 1
    for base in {world.base, world.site.parents[1]}:
        assert not list(base.rglob(".partial-*"))
        argv = [SCRIPTS / "karl-index", "verify", "acme/1.1", "--base", base]
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
