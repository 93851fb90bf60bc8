"""What is predicted of the read-only window, and from what."""

from __future__ import annotations

import dataclasses

import pytest
from support.upgradeworld import fresh, make

from karl.recipe.evolve.upgrade import (
    health,
    history,
    model,
    orchestrator,
    prediction,
    report,
)
from karl.recipe.evolve.upgrade.model import Request
from karl.recipe.evolve.upgrade.phases import STEPS
from karl.recipe.evolve.upgrade.prediction import Part, Rehearsed, predict

TOOK = {
    "backup": 500.0, "stage": 600.0, "load": 50.0, "catch-up": 2.0, "evolve": 30.0,
    "verify": 3.0, "serve": 0.5, "revision": 0.25, "try": 8.0, "discard": 0.2,
}  # fmt: skip
REHEARSED = Rehearsed(TOOK, workers=3, trials=2)
WINDOW = [step.name for step in STEPS[model.UPGRADE] if step.window]


def known(parts):
    """Return the parts by the names of their steps."""
    return {part.step: (part.seconds, part.known) for part in parts}


def test_what_was_rehearsed_is_what_it_took():
    """What the window has in common with the rehearsal is taken from there."""
    found = known(predict(WINDOW, REHEARSED, {"evolve": 1.0}))
    assert found["evolve"] == (30.0, "rehearsed")
    assert found["final-catch-up"] == (2.0, "rehearsed")
    assert not {"backup", "stage", "load", "discard"} & found.keys()


def test_what_is_not_rehearsed_takes_as_long_as_the_last_time():
    """A run before tells what freezing, making live and asking take on this site."""
    remembered = {"freeze": 0.3, "activate": 5.0, "after-read-only": 4.0}
    found = known(predict(WINDOW, REHEARSED, remembered))
    assert found["freeze"] == (0.3, "remembered")
    assert found["activate"] == (5.0, "remembered")
    assert found["after-read-only"] == (4.0, "remembered")


def test_what_was_never_done_is_estimated():
    """Commands take as long as others; each process as long as one that was tried."""
    found = known(predict(WINDOW, REHEARSED, {}))
    assert found["freeze"] == (0.2, "estimated")
    assert found["activate"] == (3 * 8.0 / 2 + 0.2, "estimated")


def test_what_nobody_can_know_is_said():
    """Commands of the site that were never run are named, and count nothing."""
    parts = prediction.facts(predict(WINDOW, REHEARSED, {}))
    unknown = {part["step"] for part in parts if part["known"] == "unknown"}
    assert unknown == {name for name in WINDOW if name.startswith(("before", "after"))}
    assert "after-evolve" in prediction.text(parts)[-1]
    assert prediction.seconds(parts) == pytest.approx(
        sum(part["seconds"] for part in parts if part["step"] not in unknown)
    )


def test_every_step_of_the_window_has_a_part():
    """Nothing that happens while writes are refused is left out, but waiting."""
    found = predict(WINDOW, REHEARSED, {})
    assert [part.step for part in found] == [name for name in WINDOW if name != "wait"]
    named = (step for step in WINDOW if not step.startswith(("before", "after")))
    quick = known(found)
    assert all(quick[name][0] is not None for name in named if name != "wait")


def test_what_it_consists_of_is_told():
    """A sentence says how much of it is known from where."""
    parts = [
        Part("evolve", 2.0, "rehearsed"),
        Part("freeze", 0.5, "remembered"),
        Part("adopt", 0.25, "estimated"),
    ]
    assert prediction.text(prediction.facts(parts)) == [
        "of that, 2.0 s were rehearsed, 0.5 s are as the last time, 0.2 s are estimated"
    ]


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Return a double of a site; whoever is asked for its health is well."""
    monkeypatch.setattr(health, "check", lambda *words: None)
    return make(tmp_path / "site")


def rehearse(world):
    """Return a rehearsal that was done."""
    return orchestrator.start(fresh(world), Request("1.1", rehearse=True))[1]


def test_a_rehearsal_remembers_what_the_site_has_done(world):
    """Before the first upgrade the rest is estimated; after it, it is remembered."""
    first = report.data(rehearse(world))
    assert {part["known"] for part in first["prediction"]} == {"rehearsed", "estimated"}
    assert "are estimated" in first["text"]
    orchestrator.start(fresh(world), Request("1.1"))
    orchestrator.start(fresh(world), Request(rollback=True, discard_writes=True))
    again = report.data(rehearse(world))
    assert {part["known"] for part in again["prediction"]} == {
        "rehearsed", "remembered",
    }  # fmt: skip
    assert "are as the last time" in again["text"]
    assert again["predicted_window"] == prediction.seconds(again["prediction"])
    page = report.page(history.newest(world.places))
    assert "The read-only window to come" in page


def test_the_plan_after_a_rehearsal_knows_the_whole_window(world):
    """What a rehearsal has predicted is what a dry run tells of each step."""
    predicted = report.data(rehearse(world))["predicted_window"]
    plan = orchestrator.plan(fresh(world), Request("1.1"))
    assert plan.window == pytest.approx(predicted)


def test_commands_of_the_site_that_were_never_run(world):
    """Only moments that have commands are in the window to come."""
    hooks = {**world.declared.hooks, "after-evolve": (("true",),)}
    world.declared = dataclasses.replace(world.declared, hooks=hooks)
    run = rehearse(world)
    parts = {part["step"]: part for part in report.data(run)["prediction"]}
    assert parts["after-evolve"]["known"] == "unknown"
    assert "before-evolve" not in parts
    assert "never timed: after-evolve" in report.text(run)
