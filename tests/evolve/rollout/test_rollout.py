"""A rollout from beginning to end, and again after whatever has stopped it."""

from __future__ import annotations

import os
import signal

import pytest
from support.rollouts import git
from support.waiting import eventually

from karl.recipe.evolve.rollout import report, sitesteps
from karl.recipe.release.base.errors import UnfinishedError
from karl.recipe.release.base.locks import locked

DONE = ["buildout site:version=1.1", "evolve 1.1 --rehearse", "evolve 1.1"]


def test_whole(world):
    """One command takes a tag to a live release; again, it does nothing more."""
    planned = world.run("1.1", "--dry-run")
    assert [step["name"] for step in planned["plan"]] == [
        "check", "publish", "freeze", "build", "rehearse", "evolve", "confirm",
    ]  # fmt: skip
    assert not (world.root / "var" / "rollouts").exists()
    assert world.calls == []
    found = world.run("1.1")
    assert found["complete"]
    assert found["commit"] == git(world.repository, "rev-parse", "1.1")
    assert set(found["published"]) == world.pool() - {"acme_thing-1.0-py3-none-any.whl"}
    assert [change["new"] for change in found["changes"]] == ["1.1"]
    assert (found["extends"], found["previous"]) == ("karl/1.0", "acme/1.0")
    assert (found["predicted_window"], found["window"]) == (1.25, 1.5)
    assert found["revision"] == 7
    assert found["buildout"] == {"file": "buildouts/acme-prod.cfg", "says": "1.0"}
    assert "write version = 1.1 into [site]" in found["text"]
    assert world.calls == DONE
    again = world.run("1.1")
    done = {step["name"] for step in again["steps"] if not step["skipped"]}
    assert done == {"check", "confirm"}
    assert world.calls == DONE
    git(world.repository, "tag", "--force", "1.1", "1.0")
    assert "was moved" in world.error("1.1", code=3)


def test_going_on(frozen):
    """What failed is done again, and nothing that was done before."""
    for what, code, told in (
        ("buildout", 1, "it cannot be built"),
        ("rehearsal", 1, "The rehearsal failed."),
        ("upgrade", 1, "The upgrade failed."),
        ("site", 6, "1.1 is live, but process 1 is not well (status 500)"),
    ):
        frozen.told(fail=[what])
        assert told in frozen.error("1.1", code=code)
        assert frozen.entries("1.1")[-1]["event"] == "failed"
    frozen.told(fail=[])
    found = frozen.run("1.1")
    skipped = {step["name"] for step in found["steps"] if step["skipped"]}
    assert skipped == {"publish", "freeze", "build", "rehearse", "evolve"}
    first, second, third = DONE
    assert frozen.calls == [first, first, second, second, third, third]


@pytest.mark.parametrize("kind", ["rehearsal", "upgrade"])
def test_interrupted(frozen, kind):
    """An upgrade to the same release that was interrupted is gone on with."""
    run = {"kind": kind, "number": 2, "to": {"release": "1.1"}}
    frozen.told(run={**run, "outcome": "unfinished"})
    assert frozen.run("1.1")["complete"]
    done = [DONE[0], "evolve --resume"]
    assert frozen.calls == (done if kind == "upgrade" else [*done, DONE[2]])


def test_in_the_way(frozen):
    """An upgrade to another release that was interrupted is not touched."""
    run = {"kind": "upgrade", "number": 2, "to": {"release": "3.0"}}
    frozen.told(run={**run, "outcome": "unfinished"})
    assert "upgrade 2 of the site, to release 3.0" in frozen.error("1.1", code=3)
    assert frozen.calls == []


def test_told_to_end(frozen):
    """Told to end, it has evolve undo what it did, and waits for that."""
    frozen.told(pause=60)
    child = frozen.start("1.1", "--no-rehearsal", "--quiet")
    eventually(lambda: DONE[2] in frozen.calls and frozen.state["run"])
    child.terminate()
    said = child.communicate(timeout=60)[1]
    assert child.returncode == 130, said
    assert frozen.calls == [DONE[0], DONE[2], "undone"]
    assert frozen.state["run"]["outcome"] == "undone"


def test_killed_while_evolving(frozen):
    """Killed, it leaves evolve alone, and waits for that when it is run again."""
    frozen.told(pause=4)
    with frozen.start("1.1", "--no-rehearsal") as child:
        eventually(lambda: DONE[2] in frozen.calls and frozen.state["run"])
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
    assert frozen.state["live"] == "1.0"
    assert frozen.run("1.1", "--no-rehearsal")["complete"]
    assert frozen.state["live"] == "1.1"
    assert frozen.calls == [DONE[0], DONE[2]]


def test_first(frozen):
    """Where no release is live nothing is rehearsed, and the site is started."""
    frozen.told(live=None, stopped=True)
    assert frozen.run("1.1")["complete"]
    assert frozen.calls == [DONE[0], DONE[2], "site start"]


def test_until(frozen):
    """It ends where it is asked to, and goes on from there."""
    found = frozen.run("1.1", "--until", "rehearse")
    assert not found["complete"]
    assert "go on with rollout 1.1" in found["text"]
    assert frozen.state["live"] == "1.0"
    assert frozen.run("1.1")["complete"]
    assert frozen.calls == DONE


def test_address(registry):
    """The site's public address must answer with status 200."""
    sitesteps._ask(f"{registry.url}/library/")
    for url in (f"{registry.url}/nothing/", "http://127.0.0.1:1/"):
        with pytest.raises(UnfinishedError, match="answers"):
            sitesteps._ask(url)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[buildout]\nparts += x\n[site]\nversion = 1.1\n", "1.1"),
        ("[site]\nname = x\n", None),
        ("[site]\nversion\n", None),
        ("this is [no file", None),
    ],
)
def test_buildout_file(frozen, text, said):
    """It is found out what the buildout file says, if it says anything."""
    path = frozen.base / "buildouts" / "other.cfg"
    path.write_text(text)
    declared = frozen.declare(buildout="buildouts/other.cfg")
    frozen.declare()
    assert report.said_version(declared) == said


def test_two_at_once(frozen):
    """The second command is told who is at work."""
    with locked(frozen.root / "var" / "lock" / "rollout.lock", "roll out 1.2"):
        assert "roll out 1.2" in frozen.error("1.1", code=5)


def test_wrong_use(frozen):
    """Options that cannot be are refused, and nothing is begun."""
    for words in (
        ("1.1", "--until", "ship"), ("1.1", "--until", "lunch"), ("../1.1",),
        ("1.1", "--no-rehearsal", "--until", "rehearse"), (),
    ):  # fmt: skip
        frozen.error(*words, code=2)
    assert frozen.calls == []
