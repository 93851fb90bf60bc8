"""Runs that are killed after every step, with real database servers.

Each is killed where it is hardest to tell: a step is done, and the journal does not
say so yet.
"""

from __future__ import annotations

import pytest
from support.upgrades import STORAGE, Site, killed
from support.zeoservers import boxes

from karl.recipe.evolve.upgrade import model
from karl.recipe.evolve.upgrade.phases import STEPS

#: What each kind of run is asked for with, and what is done before it.
WORDS = {
    model.UPGRADE: ("1.1",),
    model.REHEARSAL: ("1.1", "--rehearse"),
    model.SWITCH: ("1.2",),
    model.ROLLBACK: ("--rollback",),
    model.SWITCH_BACK: ("--rollback",),
}
BEFORE = {
    model.SWITCH: [("1.1",)],
    model.ROLLBACK: [("1.1",)],
    model.SWITCH_BACK: [("1.1",), ("1.2",)],
}

#: Steps that do nothing here, by how their names begin.
NOTHING_TO_DO = ("before-", "after-", "wait", "deferred")

#: The entries of a resumed run until its second step is done.
SECOND = 5


@pytest.fixture
def new():
    """Return a site with an empty database, and no revision."""
    with boxes() as make:
        yield Site(make(STORAGE), new=True)


def done(number):
    """Return which entry of the journal says that a step is done."""
    return 3 + 2 * number


def facts(site):
    """Return all that production is, and what evolve says of it."""
    return {**site.facts(), "evolved": site.root_of()["evolved"]}


def begun(site, kind):
    """Do what goes before a run of a kind."""
    for words in BEFORE.get(kind, []):
        site.evolve(*words)
    return facts(site)


@pytest.mark.slow
@pytest.mark.parametrize("kind", WORDS)
def test_aborted_after_each_step(site, kind):
    """Whichever step it was killed after, --abort makes all as it was before."""
    before = begun(site, kind)
    for number, step in enumerate(STEPS[kind]):
        if step.name.startswith(NOTHING_TO_DO):
            continue
        assert killed(site, done(number), "before", *WORDS[kind])
        site.evolve("--abort")
        assert facts(site) == before, step.name
    assert site.evolve(*WORDS[kind])["outcome"] == "done"


@pytest.mark.slow
@pytest.mark.parametrize("kind", WORDS)
def test_resumed_after_each_step(site, kind):
    """A run that is killed after each of its steps in turn is finished all the same."""
    before = begun(site, kind)
    assert killed(site, done(0), "before", *WORDS[kind])
    times = 1
    while killed(site, SECOND, "before", "--resume"):
        times += 1
        assert times < 50
    assert times >= len(STEPS[kind]) - 1
    found = site.evolve("status")
    assert (found["unfinished"], found["run"]["outcome"]) == (False, "done")
    after = facts(site)
    if kind == model.REHEARSAL:
        assert after == before
    elif kind == model.UPGRADE:
        # Killed when it was made, the first copy was made again.
        site.check_new(copy=after["live"], revision=2)
    else:
        went = {model.SWITCH: (2, 3, 1), model.SWITCH_BACK: (2, 2, 1)}
        live = went.get(kind, (1, 1, None))
        assert (after["live"], after["current"], after["evolved"]) == live
        assert after["workers"] == {after["current"]}
    assert (after["mode"], after["site"]) == ("writable", "normal")
    assert after["inhibited"] is None
    assert after["served"] == [after["live"]]
    assert (after["staged"], after["prepared"]) == ([], [])


@pytest.mark.slow
def test_the_first_release_is_killed_after_each_step(new):
    """It can be undone until its revision is live, and finished wherever it was."""
    steps = [step.name for step in STEPS[model.FIRST]]
    live = steps.index("activate")
    for number, _ in enumerate(steps[:live]):
        assert killed(new, done(number), "before", "1.0")
        new.evolve("--abort")
        assert new.switch("--list")["revisions"] == []
    assert killed(new, done(live), "before", "1.0")
    refused = new.evolve("--abort", code=3)["error"]
    assert "has none before it" in refused["message"]
    while killed(new, SECOND, "before", "--resume"):
        pass
    assert new.evolve("status")["run"]["outcome"] == "done"
    new.site("start")
    assert new.facts()["workers"] == {new.switch("--list")["current"]}
