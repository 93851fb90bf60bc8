"""What evolve steps leave for the background is done after the window, or later."""

from __future__ import annotations

import os

import pytest
from support import upgradeworld
from support.upgrades import STORAGE, killed
from support.upgradeworld import check_new, fresh, raising

from karl.recipe.evolve.upgrade import health, history, orchestrator, report
from karl.recipe.evolve.upgrade.model import BACKGROUND, NOTHING, UPGRADE, Request
from karl.recipe.evolve.upgrade.phases import STEPS
from karl.recipe.evolve.upgrade.status import status
from karl.recipe.release.base.errors import KarlError, RefusedError
from karl.recipe.release.base.journal import Journal


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Return a double of all commands, whose release 1.1 leaves something."""
    monkeypatch.setattr(health, "check", lambda *words: None)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    made = upgradeworld.make(tmp_path)
    made.change({**made.state, "defers": True})
    return made


def upgrade(world, **words):
    return orchestrator.start(world, Request("1.1", **words))[1]


def is_left(world):
    """Tell whether the live database still waits for the background."""
    live = [copy for copy in world.state["copies"].values() if copy["status"] == "live"]
    return live[0]["deferred"]


def test_it_is_the_last_step_and_not_in_the_window(world):
    """The run counts as done before it begins, and its report tells both."""
    run = upgrade(world)
    check_new(world)
    assert not is_left(world)
    events = [entry["event"] for entry in Journal(run.places.journal).entries()]
    assert events[-3:] == ["end", "step", "done"]
    (found,) = report.data(run)["deferred"]
    assert (found["done"], found["seen"], found["changed"]) == (True, 7, 5)
    assert "in the background: acme 1 x: 5 changed" in report.text(run)
    assert run.attempts["deferred"].begun >= run.ended
    assert orchestrator.start(fresh(world), Request("1.1"))[0].kind == NOTHING


@pytest.mark.parametrize(
    "error", [KarlError("it is odd."), KeyboardInterrupt(), SystemExit(1)]
)
def test_it_fails_or_is_killed(world, error):
    """The upgrade is done all the same; status says how to go on, and that works."""
    world.fault = raising(error, "evolve-run --deferred", done=False)
    if isinstance(error, SystemExit):
        with pytest.raises(SystemExit):  # As if killed: nothing more is written.
            upgrade(world)
    else:
        (warning,) = upgrade(world).warnings
        assert "evolve --resume" in warning
    check_new(world)
    assert is_left(world)
    told = status(world.places)
    assert not told["unfinished"]
    assert "left for the background: acme 1" in told["text"]
    assert "evolve --resume" in told["text"]

    with pytest.raises(RefusedError, match="No upgrade was interrupted"):
        orchestrator.abort(fresh(world))
    run = orchestrator.resume(fresh(world))
    assert not is_left(world)
    assert not run.warnings
    assert "in the background: acme 1" in status(world.places)["text"]
    with pytest.raises(RefusedError, match="No upgrade was interrupted"):
        orchestrator.resume(fresh(world))


def test_it_hinders_no_rollback(world):
    """While something is left, the site can be gone back with, as ever."""
    world.fault = raising(KarlError("odd"), "evolve-run --deferred", done=False)
    upgrade(world)
    orchestrator.start(fresh(world), Request(rollback=True, discard_writes=True))
    assert world.state["current"] == 1
    assert "left" not in status(world.places)["text"]
    with pytest.raises(RefusedError, match="No upgrade was interrupted"):
        orchestrator.resume(fresh(world))


def test_it_is_left_on_purpose(world):
    """It can be left for the night; evolving to the same release does it, too."""
    run = upgrade(world, leave_deferred=True)
    assert (run.outcome, run.warnings) == ("done", [])
    assert "deferred" not in run.attempts
    assert "Go on: evolve --resume" in status(world.places)["text"]
    assert is_left(world)
    plan, run = orchestrator.start(fresh(world), Request("1.1"))
    assert (plan.kind, run.outcome) == (BACKGROUND, "done")
    assert [step.name for step in plan.steps] == ["deferred"]
    assert not is_left(world)
    check_new(world)


def test_an_interrupted_upgrade_remembers_to_leave_it(world):
    """What was asked for in the beginning holds after --resume, too."""
    world.fault = raising(SystemExit(1), "site restart", done=True)
    with pytest.raises(SystemExit):
        upgrade(world, leave_deferred=True)
    assert history.unfinished(world.places)
    orchestrator.resume(fresh(world))
    check_new(world)
    assert is_left(world)
    orchestrator.resume(fresh(world))
    assert not is_left(world)


DEFERRED = """\
from karl.recipe.evolve.steps import Step


class Mark(Step):
    \"\"\"Mark the things\"\"\"

    deferred = True

    def objects(self, root):
        return root["things"]

    def change(self, item):
        if not hasattr(item, "setdefault"):
            return False
        item["marked"] = True
        return True


evolve = Mark()
"""


def marked(site):
    """Return how many of the things in the live database are marked."""
    with site.box.client(STORAGE) as db, db.transaction() as connection:
        things = connection.root()["things"]
        return sum(
            hasattr(t, "get") and t.get("marked", False) for t in things.values()
        )


@pytest.mark.slow
def test_with_real_servers(site):
    """Killed as soon as it began, it is done later, on the database that is live."""
    site.add_release("1.3", 1, DEFERRED)
    # Its journal: begin, two entries of each other step, the end of the run.
    entry = 2 * len(STEPS[UPGRADE]) + 1
    assert killed(site, entry, "after", "1.3")
    told = site.evolve("status")
    assert not told["running"]
    assert told["run"]["outcome"] == "done"
    assert "left for the background: acme 1 Mark the things" in told["text"]
    assert marked(site) == 0
    facts = site.facts()
    assert (facts["live"], facts["mode"], facts["site"]) == (2, "writable", "normal")

    done = site.evolve("--resume")
    assert marked(site) == 20
    (found,) = done["deferred"]
    assert (found["done"], found["seen"], found["changed"]) == (True, 22, 20)
    assert "Mark the things: 20 changed" in site.evolve("status")["text"]
    assert site.evolve("1.3")["kind"] == "nothing"
