"""An upgrade that fails or is killed anywhere: as before, or fully new."""

from __future__ import annotations

import os

import pytest
from support import upgradeworld
from support.upgradeworld import check_before, check_new, fresh, killed, raising

from karl.recipe.evolve.upgrade import health, history, orchestrator, report
from karl.recipe.evolve.upgrade.answers import OutcomeUnknownError
from karl.recipe.evolve.upgrade.interruption import InterruptedRunError
from karl.recipe.evolve.upgrade.model import (
    FIRST,
    REHEARSAL,
    ROLLBACK,
    UPGRADE,
    Request,
)
from karl.recipe.evolve.upgrade.phases import STEPS
from karl.recipe.release.base.errors import (
    BusyError,
    KarlError,
    RefusedError,
    UnfinishedError,
)
from karl.recipe.release.base.journal import Journal
from karl.recipe.release.base.locks import locked

UPGRADING = Request("1.1")


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Return a double of all commands; whoever is asked for its health is well."""
    monkeypatch.setattr(health, "check", lambda *words: None)
    # A killed process loses nothing that it has not synced.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    return upgradeworld.make(tmp_path)


def entries(kind):
    """Return how many entries the journal of a whole run has."""
    return 2 * len(STEPS[kind]) + 2


def points(kind):
    """Return every moment that the disk can tell from others, of a run of a kind.

    A step is begun and nothing of it done; all of it is done; and the journal says so.
    """
    return [
        pytest.param(number, moment, id=f"{number}-{moment}")
        for number in range(1, entries(kind) + 1)
        for moment in ("before", "after")
        if (number % 2, moment) != (0, "before") or number == entries(kind)
    ]


def upgrade(world):
    return orchestrator.start(world, UPGRADING)[1]


def test_upgrade(world):
    """All steps are done in their order, and none of the writes is lost."""
    run = upgrade(world)
    check_new(world)
    assert list(run.attempts) == [step.name for step in STEPS[UPGRADE]]
    entries_ = Journal(run.places.journal).entries()
    assert len(entries_) == entries(UPGRADE)


@pytest.mark.parametrize(("number", "moment"), points(UPGRADE))
def test_killed_then_resumed(world, number, moment):
    """Wherever it was killed, the next run refuses, and --resume finishes it."""
    assert killed(world, number, moment, upgrade)
    interrupted = history.unfinished(world.places)
    if interrupted is None:
        assert (number, moment) in {(1, "before"), (entries(UPGRADE), "after")}
        if number == 1:
            upgrade(fresh(world))
    else:
        with pytest.raises(RefusedError, match="was interrupted") as caught:
            upgrade(fresh(world))
        assert "--resume" in caught.value.tip
        assert "--abort" in caught.value.tip
        orchestrator.resume(fresh(world))
    check_new(world)


@pytest.mark.parametrize(("number", "moment"), points(UPGRADE))
def test_killed_then_aborted(world, number, moment):
    """Wherever it was killed, --abort undoes it, or says that it can be finished."""
    assert killed(world, number, moment, upgrade)
    interrupted = history.unfinished(world.places)
    if interrupted is None:
        return
    accepts = interrupted.is_begun("normal")
    if accepts and world.state["mode"] == "normal":
        with pytest.raises(RefusedError, match="live and in use"):
            orchestrator.abort(fresh(world))
        orchestrator.resume(fresh(world))
        check_new(world)
    else:
        orchestrator.abort(fresh(world))
        check_before(world)
        upgrade(fresh(world))
        check_new(world)


COMMANDS = (
    "zeo backup", "zeo stage", "zeo catch-up", "zeo read-only", "zeo serve",
    "zeo adopt", "site mode", "site inhibit", "site try", "site restart",
    "switch --dry-run", "switch --prepare", "switch --activate",
    "evolve-run --evolve", "evolve-run --verify",
)  # fmt: skip


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("what", COMMANDS)
def test_failing(world, what, done):
    """A step that fails ends the run with one message; production is as before."""
    world.fault = raising(RefusedError("it is odd.", "Mend it."), what, done=done)
    with pytest.raises(RefusedError) as caught:
        upgrade(world)
    assert "it is odd. Production is as it was before." in caught.value.message
    assert caught.value.tip == "Mend it."
    check_before(world)
    world.fault = lambda what, done: None
    upgrade(world)
    check_new(world)


@pytest.mark.parametrize("what", COMMANDS)
def test_interrupted(world, what):
    """A run that is told to end undoes what it did, as when something fails."""
    world.fault = raising(KeyboardInterrupt(), what, done=True)
    with pytest.raises(InterruptedRunError) as caught:
        upgrade(world)
    assert caught.value.exit_code == 130
    check_before(world)


@pytest.mark.parametrize("what", ["zeo read-only", "zeo adopt"])
def test_an_answer_that_is_none(world, what):
    """What nobody foresaw is undone like every other failure."""
    world.fault = raising(KeyError("tid"), what, done=True)
    with pytest.raises(KarlError, match="not foreseen: KeyError: 'tid'"):
        upgrade(world)
    check_before(world)


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("what", [name for name in COMMANDS if "zeo" in name])
def test_lost_connection(world, what, done):
    """A command of the database server that was cut off is asked for again."""
    world.fault = raising(OutcomeUnknownError("cut off"), what, done=done)
    upgrade(world)
    check_new(world)


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("what", [name for name in COMMANDS if "zeo" in name])
def test_unreachable_for_long(world, what, done):
    """If the server stays away, the run is undone as soon as it can be reached."""
    away = False

    def fault(command, was_done):
        nonlocal away
        away |= command == what and was_done == done
        if away and command.startswith("zeo"):
            raise OutcomeUnknownError("no route to host")

    world.fault = fault
    if what == "zeo backup":  # There is nothing to undo yet.
        with pytest.raises(OutcomeUnknownError, match="as it was before"):
            upgrade(world)
    else:
        with pytest.raises(UnfinishedError, match="Not everything could be undone"):
            upgrade(world)
        orchestrator.abort(fresh(world))
    check_before(world)


@pytest.mark.parametrize("what", ["switch --discard", "zeo retire", "zeo writable"])
def test_undoing_fails(world, what):
    """What could not be undone is told, and --abort undoes it later."""
    first = "site try" if what == "switch --discard" else "site restart"
    failed = []

    def fault(command, done):
        if command == first and not failed:
            failed.append(command)
            raise KarlError("first")
        if command == what and failed == [first]:
            failed.append(command)
            raise KarlError("second")

    world.fault = fault
    with pytest.raises(UnfinishedError) as caught:
        upgrade(world)
    assert "first" in caught.value.message
    assert "second" in caught.value.message
    assert "--abort" in caught.value.tip
    orchestrator.abort(fresh(world))
    check_before(world)


def test_killed_while_undoing(world):
    """A run that was killed while it was undone is undone, or begun anew."""
    for number in range(1, 40):

        def failing(other):
            other.fault = raising(KarlError("odd"), "zeo adopt", done=True)
            upgrade(other)

        # The journal's entries until adopt is begun, and those of undoing it all.
        begun = 2 * [s.name for s in STEPS[UPGRADE]].index("adopt") + 3
        if not killed(world, begun + number, "before", failing):
            break
        if number % 2:
            orchestrator.abort(fresh(world))
            check_before(world)
        else:
            orchestrator.resume(fresh(world))
            check_new(world)
            orchestrator.start(
                fresh(world), Request(rollback=True, discard_writes=True)
            )
            world.change(upgradeworld._BEGINNING)
    assert number > 10


def test_failing_after_it_is_live(world):
    """What fails after the new data are live can be finished, and is not undone."""

    def fault(command, was_done):
        if command == "site allow":
            raise KarlError("no")

    world.fault = fault
    with pytest.raises(UnfinishedError, match="are live") as caught:
        upgrade(world)
    assert "--resume" in caught.value.tip
    orchestrator.resume(fresh(world))
    check_new(world)


def test_warned_but_done(world):
    """If only the former copy cannot be taken off, the upgrade is done."""
    world.fault = raising(KarlError("no"), "zeo unserve", done=False)
    run = upgrade(world)
    assert run.outcome == "done"
    assert "unserve" in run.warnings[0]


def test_two_at_once(world):
    """The second command is told who is at work."""
    with locked(world.places.lock, "upgrade the site"):
        for action in (upgrade, orchestrator.resume, orchestrator.abort):
            with pytest.raises(BusyError, match="upgrade the site"):
                action(world)
    check_before(world)


@pytest.mark.parametrize("room", [1, 14, 19, 20, 24, 29, 30, 40, 47])
def test_full_disk(world, monkeypatch, room):
    """Where even the journal cannot be written, production is as it was before."""
    original = Journal.append
    written = 0

    def append(self, event, **details):
        nonlocal written
        written += 1
        if written > room:
            raise OSError(28, "No space left on device")
        original(self, event, **details)

    monkeypatch.setattr(Journal, "append", append)
    with pytest.raises(UnfinishedError, match="cannot be written"):
        upgrade(world)
    check_before(world)
    monkeypatch.setattr(Journal, "append", original)
    orchestrator.abort(fresh(world))
    check_before(world)


def test_rehearsal_changes_nothing(world):
    """A rehearsal evolves a copy and removes it; writes are accepted all the time."""
    run = orchestrator.start(world, Request("1.1", rehearse=True))[1]
    assert run.kind == REHEARSAL
    check_before(world)
    assert list(world.state["copies"]) == ["1"]
    assert "site mode" not in world.calls
    assert "site try" in world.calls


@pytest.mark.parametrize(("number", "moment"), points(REHEARSAL))
def test_killed_rehearsal(world, number, moment):
    """A rehearsal that was killed leaves production alone, and can be undone."""
    killed(
        world,
        number,
        moment,
        lambda other: orchestrator.start(other, Request("1.1", rehearse=True)),
    )
    if history.unfinished(world.places):
        orchestrator.abort(fresh(world))
    check_before(world)


def test_switch_without_evolving(world):
    """A release that needs no evolving is switched to; writes go on all the time."""
    run = orchestrator.start(world, Request("1.0.1"))[1]
    check_before(world, revision=2)
    assert "mode" not in run.attempts
    orchestrator.start(world, Request(rollback=True))
    check_before(world)


@pytest.fixture
def new(world):
    """Return a world with a database, and no revision yet."""
    state = world.state
    world.change({**state, "revisions": {}, "current": None, "workers": None})
    return world


def first(world):
    return orchestrator.start(world, Request("1.0"))[1]


def test_first_release(new):
    """The first revision is bound to the live copy, tried, and made the live one."""
    run = first(new)
    assert run.kind == FIRST
    _check_first(new)
    assert "release 1.0: done" in report.text(run)
    assert "bin/site start" in report.text(run)
    with pytest.raises(RefusedError, match="no revision to go back to"):
        orchestrator.start(new, Request(rollback=True))


@pytest.mark.parametrize(("number", "moment"), points(FIRST))
def test_killed_first_release(new, number, moment):
    """Wherever it was killed, it can be finished; undone until the revision is live."""
    assert killed(new, number, moment, first)
    if history.unfinished(new.places) is not None and number % 3:
        if new.state["current"] is None:
            orchestrator.abort(fresh(new))
            assert new.state["revisions"] == {}
        else:
            with pytest.raises(RefusedError, match="has none before it"):
                orchestrator.abort(fresh(new))
    if history.unfinished(new.places) is not None:
        orchestrator.resume(fresh(new))
    elif new.state["current"] is None:
        first(fresh(new))
    _check_first(new)


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("what", ["zeo client-conf", "switch --prepare", "site try"])
def test_failing_first_release(new, what, done):
    """If the first release does not work, the site has no revision, as before."""
    new.fault = raising(KarlError("it is odd."), what, done=done)
    with pytest.raises(KarlError, match="it is odd"):
        first(new)
    assert (new.state["current"], new.state["revisions"]) == (None, {})
    first(fresh(new))
    _check_first(new)


def test_first_release_that_is_live_all_the_same(new):
    """What fails once the first revision is live can only be finished."""
    error = UnfinishedError("A command after the switch failed.")
    new.fault = raising(error, "switch --activate", done=True)
    with pytest.raises(UnfinishedError, match="are live") as caught:
        first(new)
    assert "--resume" in caught.value.tip
    orchestrator.resume(fresh(new))
    _check_first(new)


def _check_first(world):
    state = world.state
    assert state["current"] == 1
    assert state["revisions"]["1"]["release"] == "1.0"
    assert state["revisions"]["1"]["copy"] == 1
    assert list(state["copies"]) == ["1"]
    assert state["workers"] is None


def test_rollback_without_writes(world):
    """Before anybody wrote, a rollback loses nothing and asks nothing."""
    world.users = False
    upgrade(world)
    run = orchestrator.start(world, Request(rollback=True))[1]
    assert run.kind == ROLLBACK
    assert world.state["copies"]["2"]["status"] == "former"
    _check_old(world)


def test_rollback_with_writes(world):
    """Once somebody wrote, it is refused and told how much; unless it is given up."""
    upgrade(world)
    with pytest.raises(RefusedError, match=r"would lose \d+ transactions") as caught:
        orchestrator.start(world, Request(rollback=True))
    assert "--discard-writes" in caught.value.tip
    check_new(world)
    kept = world.state["copies"]["2"]["writes"]
    orchestrator.start(world, Request(rollback=True, discard_writes=True))
    _check_old(world)
    assert world.state["copies"]["2"]["writes"] >= kept


@pytest.mark.parametrize(("number", "moment"), points(ROLLBACK))
def test_killed_rollback(world, number, moment):
    """A rollback that was killed is finished, or undone if that loses nothing."""
    upgrade(world)
    request = Request(rollback=True, discard_writes=True)
    assert killed(
        world, number, moment, lambda other: orchestrator.start(other, request)
    )
    if history.unfinished(world.places) is None:
        return
    other = fresh(world)
    begun = history.unfinished(world.places).is_begun("normal")
    if number % 2 and not (begun and world.state["mode"] == "normal"):
        orchestrator.abort(other)
        check_new(world)
    else:
        orchestrator.resume(other)
        _check_old(world)


def _check_old(world):
    state = world.state
    assert state["copies"]["1"]["status"] == "live"
    assert not state["copies"]["1"]["ro"]
    assert (state["current"], state["workers"]) == (1, 1)
    assert (state["mode"], state["inhibited"]) == ("normal", False)
    assert [n for n, copy in state["copies"].items() if copy["served"]] == ["1"]


def test_nothing_is_in_the_window_that_need_not_be(world):
    """Between refusing and accepting writes no command is run that could be before."""
    upgrade(world)
    first, last = (n for n, call in enumerate(world.calls) if call == "site mode")
    assert world.calls[first : last + 1] == [
        "site mode", "zeo read-only", "zeo catch-up",
        # The double's database is on another machine, and served to be evolved.
        "zeo writable", "zeo serve", "evolve-run --evolve", "evolve-run --verify",
        "zeo read-only", "zeo serve", "switch --prepare", "site try",
        "switch --list", "switch --activate", "site status", "site restart",
        "site status", "zeo adopt", "site mode",
    ]  # fmt: skip
    assert world.calls.index("site inhibit") < first
    assert world.calls.index("evolve-run --when-told") < first
