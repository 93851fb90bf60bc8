"""A refresh that fails or is killed anywhere: as before, or scrubbed and live."""

from __future__ import annotations

import dataclasses
import os

import pytest
from support.refreshworld import (
    REQUEST,
    check_as_it_was,
    check_refreshed,
    refresh,
    staging,
)
from support.upgradeworld import fresh, killed, raising

from karl.recipe.evolve.declaration.model import Refresh
from karl.recipe.evolve.upgrade import health, history, orchestrator
from karl.recipe.evolve.upgrade import status as telling
from karl.recipe.evolve.upgrade.model import REFRESH, Request
from karl.recipe.evolve.upgrade.phases import STEPS
from karl.recipe.release.base.errors import KarlError, RefusedError

LAST = 2 * len(STEPS[REFRESH]) + 2


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Return a double of all commands; whoever is asked for its health is well."""
    monkeypatch.setattr(health, "check", lambda *words: None)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    return staging(tmp_path)


def points():
    """Return each moment that the disk can tell from others.

    A step is begun and nothing of it done; all of it is done; and the journal says so.
    Where there is nothing to do, they are all the same.
    """
    idle = {
        2 * place + half
        for place, step in enumerate(STEPS[REFRESH], 1)
        for half in (0, 1)
        if step.name in {"wait", "deferred"}
        or step.name.startswith(("before-", "after-"))
    }
    return [
        pytest.param(number, moment, id=f"{number}-{moment}")
        for number in range(1, LAST + 1)
        if number not in idle
        for moment in ("before", "after")
        if (number % 2, moment) != (0, "before") or number == LAST
    ]


def test_refresh(world):
    """The copy is evolved, scrubbed, packed, checked, and only then served."""
    run = refresh(world)
    check_refreshed(world)
    assert list(run.attempts) == [step.name for step in STEPS[REFRESH]]
    order = [call for call in world.calls if call.startswith(("evolve-run", "zeo s"))]
    assert [call for call in order if call != "zeo status"] == [
        "evolve-run --evolve", "evolve-run --call", "evolve-run --pack",
        "evolve-run --verify", "zeo serve",
    ]  # fmt: skip
    assert "from live, backup x/y" in telling.status(world.places)["text"]


@pytest.mark.parametrize(("number", "moment"), points())
def test_killed_then_resumed(world, number, moment):
    """Wherever it was killed, --resume finishes it."""
    assert killed(world, number, moment, refresh)
    if history.unfinished(world.places) is None:
        assert (number, moment) in {(1, "before"), (LAST, "after")}
        if number == 1:
            refresh(fresh(world))
    else:
        with pytest.raises(RefusedError, match="was interrupted"):
            refresh(fresh(world))
        assert "Go on" in telling.status(world.places)["text"]
        orchestrator.resume(fresh(world))
    check_refreshed(world)


@pytest.mark.parametrize(("number", "moment"), points())
def test_killed_then_aborted(world, number, moment):
    """Wherever it was killed, --abort undoes it, and nothing of the data is left."""
    assert killed(world, number, moment, refresh)
    interrupted = history.unfinished(world.places)
    if interrupted is None:
        return
    if interrupted.is_begun("normal") and world.state["mode"] == "normal":
        with pytest.raises(RefusedError, match="live and in use"):
            orchestrator.abort(fresh(world))
        orchestrator.resume(fresh(world))
        check_refreshed(world)
    else:
        orchestrator.abort(fresh(world))
        check_as_it_was(world)
        refresh(fresh(world))
        check_refreshed(world)


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize(
    "what",
    [
        "zeo restore", "zeo serve", "zeo adopt", "site mode", "site inhibit",
        "site try", "site restart", "switch --dry-run", "switch --prepare",
        "switch --activate", "evolve-run --evolve", "evolve-run --call",
        "evolve-run --pack", "evolve-run --verify",
    ],
)  # fmt: skip
def test_failing(world, what, done):
    """A step that fails ends the run; the site has what it had."""
    world.fault = raising(RefusedError("it is odd.", "Mend it."), what, done=done)
    if what == "zeo restore":
        world.fault = _second(what, done=done)
    with pytest.raises(RefusedError) as caught:
        refresh(world)
    assert "it is odd. The site is as it was before." in caught.value.message
    check_as_it_was(world)
    world.fault = lambda what, done: None
    refresh(world)
    check_refreshed(world)


def _second(what, *, done):
    """Fail the second time, as the first one only looks."""
    seen = []

    def fault(command, was_done):
        if command == what and was_done == done:
            seen.append(command)
            if len(seen) == 2:
                raise RefusedError("it is odd.", "Mend it.")

    return fault


def test_nothing_to_scrub(world):
    """Where it was said that nothing has to be done, nothing is packed away either."""
    declared = dataclasses.replace(world.declared, refresh=Refresh("live", ()))
    world = dataclasses.replace(world, declared=declared)
    with pytest.raises(KarlError, match="it is served as it was"):
        refresh(world)
    assert "evolve-run --pack" not in world.calls


def test_what_was_not_scrubbed_by_somebody_else(world):
    """A copy that another command restored is neither removed nor used."""
    state = world.state
    row = {**state["copies"]["1"], "status": "ready", "served": False, "withheld": True}
    state["copies"]["2"] = row
    world.change(state)
    with pytest.raises(RefusedError, match="somebody else restored it"):
        refresh(world)
    state["copies"]["2"]["status"] = "retired"
    world.change(state)
    orchestrator.plan(world, REQUEST)


def test_where_the_files_are_out_of_reach(world, monkeypatch):
    """No copy is served to be scrubbed: on another host nothing is begun."""
    monkeypatch.setattr(type(world), "database_is_here", False)
    with pytest.raises(RefusedError, match="not on this machine"):
        refresh(world)
    check_as_it_was(world)


def test_a_site_that_gets_no_data(world):
    """Only a site whose buildout says so can be refreshed."""
    world = dataclasses.replace(
        world, declared=dataclasses.replace(world.declared, refresh=None)
    )
    with pytest.raises(RefusedError, match="gets no other site's data") as caught:
        refresh(world)
    assert "refresh-from" in caught.value.tip


def test_going_back(world):
    """A rollback goes back to the data that the site had; what came is kept."""
    refresh(world)
    orchestrator.start(fresh(world), Request(rollback=True, discard_writes=True))
    state = world.state
    assert state["copies"]["1"]["status"] == "live"
    assert state["copies"]["2"]["status"] == "former"
    assert (state["current"], state["workers"]) == (1, 1)
