"""What is decided, from what is observed."""

from __future__ import annotations

import dataclasses

import pytest

from karl.recipe.evolve.upgrade import model
from karl.recipe.evolve.upgrade.model import Observed, Package, Request, Revision
from karl.recipe.evolve.upgrade.phases import STEPS
from karl.recipe.evolve.upgrade.planning import plan
from karl.recipe.release.base.errors import RefusedError

PENDING = Package("acme", 2, 1, (2,), "pending")
CURRENT = Package("karl", 5, 5, (), "current")

SITE = Observed(
    site="acme-prod",
    storage="acme",
    current=Revision(17, "1.0", "acme-42"),
    previous=Revision(16, "0.9", "acme-41"),
    releases=("1.0", "1.1"),
    live=42,
    copies={41: "former", 42: "live"},
    packages=(CURRENT, PENDING),
)


def changed(**changes):
    return dataclasses.replace(SITE, **changes)


def test_versions_decide_for_an_upgrade():
    """If any package's database is older than its software, the data are evolved."""
    decided = plan(SITE, Request("1.1"))
    assert decided.kind == model.UPGRADE
    assert decided.reason == "acme is at 1, the software at 2"
    assert decided.facts["copy_from"] == 42
    assert decided.facts["revision_from"] == 17
    names = [step.name for step in decided.steps]
    assert names == [step.name for step in STEPS[model.UPGRADE]]
    assert all("{" not in step.text for step in decided.steps)


def test_nothing_pending_is_a_switch():
    """A release whose data are as it wants them is switched to, without a window."""
    decided = plan(changed(packages=(CURRENT,)), Request("1.1"))
    assert decided.kind == model.SWITCH
    assert not [step for step in decided.steps if step.window]
    assert not {"stage", "mode", "adopt"} & {step.name for step in decided.steps}


def test_live_already():
    """Nothing is done for the release that is live, if its data are evolved."""
    decided = plan(changed(packages=(CURRENT,)), Request("1.0"))
    assert (decided.kind, decided.steps) == (model.NOTHING, ())


def test_live_but_not_evolved():
    """The live release itself evolves its data, if somebody had only switched."""
    assert plan(SITE, Request("1.0")).kind == model.UPGRADE


@pytest.mark.parametrize(
    "changes", [{"packages": (CURRENT,)}, {"packages": (PENDING,), "empty": True}]
)
def test_a_site_without_a_revision(changes):
    """The first revision is bound to the live copy, if nothing there needs evolving.

    An empty database gets its data, and their version, from the application.
    """
    observed = changed(current=None, previous=None, **changes)
    decided = plan(observed, Request("1.1"))
    assert decided.kind == model.FIRST
    assert decided.facts["copy"] == 42
    assert not [step for step in decided.steps if step.window]
    assert plan(observed, Request("1.1", rehearse=True)).kind == model.NOTHING


def test_rehearsal():
    """A rehearsal has no step that production could notice."""
    decided = plan(SITE, Request("1.1", rehearse=True))
    assert decided.kind == model.REHEARSAL
    assert not [step for step in decided.steps if step.window]
    nothing = plan(changed(packages=(CURRENT,)), Request("1.1", rehearse=True))
    assert nothing.kind == model.NOTHING


def test_the_window_is_predicted():
    """What steps took the last time tells how long writes will be refused."""
    assert plan(SITE, Request("1.1")).window is None
    times = {"stage": 600.0, "catch-up": 2.0, "evolve": 30.0, "verify": 1.0}
    decided = plan(changed(times=times), Request("1.1"))
    assert decided.window == pytest.approx(33.0)
    assert decided.seconds == pytest.approx(635.0)


def test_rollback():
    """A rollback goes to the revision before, and to its database copy."""
    decided = plan(SITE, Request(rollback=True))
    assert decided.kind == model.ROLLBACK
    assert decided.facts["copy"] == 41
    assert decided.facts["copy_from"] == 42
    assert decided.facts["revision"] == 16


def test_rollback_on_the_same_data():
    """If the revision before has the same database, there is nothing to lose."""
    observed = changed(previous=Revision(16, "0.9", "acme-42"))
    decided = plan(observed, Request(rollback=True))
    assert decided.kind == model.SWITCH_BACK
    assert not [step for step in decided.steps if step.window]


@pytest.mark.parametrize(
    ("changes", "request_", "told"),
    [
        ({"unfinished": 3}, Request("1.1"), "Upgrade 3 was interrupted"),
        ({"unfinished": 3}, Request(rollback=True), "Upgrade 3 was interrupted"),
        ({"current": None}, Request("1.1"), "would have to evolve live data"),
        ({"current": None, "live": None}, Request("1.1"), "no live database copy"),
        (
            {"current": None, "live_mode": "read-only"},
            Request("1.1"),
            "read-only already",
        ),
        ({"current": None}, Request(rollback=True), "no revision to go back to"),
        ({}, Request("9.9"), "no release 9.9"),
        (
            {"packages": (Package("acme", 1, 2, (), "newer"),)},
            Request("1.1"),
            "newer than release 1.1",
        ),
        ({"live": None}, Request("1.1"), "no live database copy"),
        ({"live": 43}, Request("1.1"), "bound to acme-42"),
        ({"live_mode": "read-only"}, Request("1.1"), "read-only already"),
        ({"mode": "maintenance"}, Request("1.1"), "mode maintenance already"),
        ({"staged": (43,)}, Request("1.1"), "copy 43 of acme is staged"),
        ({"previous": None}, Request(rollback=True), "no revision to go back to"),
        ({"copies": {42: "live"}}, Request(rollback=True), "not there any more"),
        (
            {"copies": {41: "retired", 42: "live"}},
            Request(rollback=True),
            "not there any more",
        ),
    ],
)
def test_refused(changes, request_, told):
    """What the state forbids is refused, with what to do next."""
    with pytest.raises(RefusedError, match=told) as caught:
        plan(changed(**changes), request_)
    assert caught.value.tip


def test_the_new_copy_becomes_live_last():
    """Until the new release was found well, there is nothing that could be lost."""
    names = [step.name for step in STEPS[model.UPGRADE]]
    order = ["mode", "freeze", "final-catch-up", "evolve", "verify", "serve"]
    order += ["revision", "try", "wait", "activate", "restart", "health", "adopt"]
    order += ["normal"]
    assert [name for name in names if name in order] == order


def test_every_change_of_production_can_be_undone():
    """Each step in the window that changes something has its way back."""
    for kind in (model.UPGRADE, model.ROLLBACK):
        undone = {step.name for step in STEPS[kind] if step.undo}
        assert {"mode", "inhibit", "freeze", "activate", "adopt", "normal"} <= undone
