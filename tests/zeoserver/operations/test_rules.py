"""Which verb is allowed in which state: every combination."""

from __future__ import annotations

import dataclasses
import time

import pytest

from karl.recipe.release.base.errors import RefusedError
from karl.recipe.zeoserver.databases.periods import Period
from karl.recipe.zeoserver.databases.state import CopyState, Status, StorageState
from karl.recipe.zeoserver.operations import (
    adoption,
    catchingup,
    creation,
    packing,
    retirement,
    rules,
    serving,
    staging,
)
from karl.recipe.zeoserver.operations.adoption import Loss

#: Verbs by what they do to copy 2, with the statuses that they are for.
ALLOWED = {
    "serve": {Status.STAGED, Status.READY, Status.LIVE, Status.FORMER},
    "unserve": {Status.STAGED, Status.READY, Status.FORMER, Status.RETIRED},
    "adopt": {Status.STAGED, Status.READY, Status.LIVE, Status.FORMER},
    "retire": {Status.STAGED, Status.READY, Status.FORMER, Status.RETIRED},
    "prune": {Status.RETIRED},
    "catch-up": {Status.STAGED},
}

PLANS = {
    "serve": lambda state: serving.plan_serving("site", state, 2, read_only=False),
    "unserve": lambda state: serving.plan_unserving("site", state, 2),
    "adopt": lambda state: adoption.plan("site", state, 2, Loss(0), discard=False),
    "retire": lambda state: retirement.plan_retiring("site", state, 2),
    "prune": lambda state: retirement.choose("site", state, keep=0, number=2),
    "catch-up": lambda state: catchingup.plan("site", state, 2, final=False),
}


def storage_state(status: Status | None, *, live: bool = True) -> StorageState:
    """Return a state with copy 1 live, and copy 2 of a status made from it."""
    state = StorageState()
    if live and status is not Status.LIVE:
        state = state.with_copy(CopyState(1, Status.LIVE, "init", time.time()))
        state = state.with_serving("a", 1)
    if status is not None:
        copy = CopyState(2, status, "stage", time.time(), parent=1, tid="01" * 8)
        state = state.with_copy(copy)
    return state


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("verb", ALLOWED)
def test_each_verb_is_for_certain_copies(verb, status):
    """A verb is planned for the statuses it is for, and refused for all others."""
    state = storage_state(status)
    if verb == "adopt":
        state = state.with_serving("b", 2)
    if status in ALLOWED[verb]:
        PLANS[verb](state)
    else:
        with pytest.raises(RefusedError) as caught:
            PLANS[verb](state)
        assert "copy 2 of site" in caught.value.message
        assert caught.value.tip
        assert "{" not in str(caught.value)


def test_the_table_is_complete():
    """Every verb that is for a copy says what it does with each status."""
    assert set(rules.OF_COPIES) == set(ALLOWED)
    for verb, statuses in rules.OF_COPIES.items():
        assert set(statuses) == set(Status), verb


@pytest.mark.parametrize("status", [None, *Status])
@pytest.mark.parametrize("live", [True, False])
def test_verbs_for_a_storage_look_at_all_copies(live, status):
    """Nothing is staged or packed without a live copy, nor with a staged one."""
    state = storage_state(status, live=live)
    fine = state.live is not None and status is not Status.STAGED
    for verb in ("stage", "pack"):
        if fine:
            rules.check_storage(verb, "site", state)
        else:
            with pytest.raises(RefusedError) as caught:
                rules.check_storage(verb, "site", state)
            assert "{" not in str(caught.value)
    for verb in ("init", "import"):
        if state.live is None:
            rules.check_storage(verb, "site", state)
        else:
            with pytest.raises(RefusedError, match="--new-copy"):
                rules.check_storage(verb, "site", state)
            rules.check_storage(verb, "site", state, live_is_fine=True)


def test_a_copy_that_is_not_there_is_refused():
    """A number that no copy has is refused by every verb."""
    state = storage_state(None)
    for plan in PLANS.values():
        with pytest.raises(RefusedError, match="no database copy 2"):
            plan(state)


def test_serving_takes_the_free_address():
    """A copy is served on the side that is free, a former one read-only."""
    plan = serving.plan_serving(
        "site", storage_state(Status.FORMER), 2, read_only=False
    )
    assert plan.facts == {"number": 2, "side": "b", "mode": "read-only"}
    plan = serving.plan_serving("site", storage_state(Status.READY), 2, read_only=False)
    assert plan.facts["mode"] == "writable"
    again = serving.plan_serving(
        "site", storage_state(Status.READY).with_serving("b", 2), 2, read_only=False
    )
    assert again.steps == ()


def test_serving_needs_a_free_address():
    """With both addresses taken a third copy is refused."""
    state = storage_state(Status.READY).with_serving("b", 2)
    state = state.with_copy(CopyState(3, Status.READY, "restore", time.time()))
    with pytest.raises(RefusedError, match="Both addresses are taken"):
        serving.plan_serving("site", state, 3, read_only=False)


def test_a_side_can_be_asked_for():
    """A copy is served on the side that is named, unless that is taken."""
    state = storage_state(Status.READY).with_serving("a", None)
    plan = serving.plan_serving("site", state, 2, read_only=False, wanted="b")
    assert plan.facts["side"] == "b"
    with pytest.raises(RefusedError, match="Side a serves database copy 1"):
        serving.plan_serving(
            "site", storage_state(Status.READY), 2, read_only=False, wanted="a"
        )
    with pytest.raises(RefusedError, match="on side a already"):
        serving.plan_serving(
            "site", storage_state(None), 1, read_only=False, wanted="b"
        )


def test_unserving_the_live_copy_must_be_said():
    """The live copy is unserved only when the operator says that it is meant."""
    state = storage_state(Status.LIVE).with_serving("a", 2)
    with pytest.raises(RefusedError, match="--live"):
        serving.plan_unserving("site", state, 2)
    assert serving.plan_unserving("site", state, 2, live=True).steps


def test_adopting_needs_a_served_copy():
    """What nobody could connect to is not made live."""
    with pytest.raises(RefusedError, match="zeoctl serve site 2"):
        adoption.plan("site", storage_state(Status.READY), 2, Loss(0), discard=False)


@pytest.mark.parametrize("count", [1, 7, None])
def test_adopting_never_loses_writes_unsaid(count):
    """Transactions that the copy has not are given up only if that is said."""
    state = storage_state(Status.FORMER).with_serving("b", 2)
    with pytest.raises(RefusedError, match="--discard-writes") as caught:
        adoption.plan("site", state, 2, Loss(count), discard=False)
    assert count is None or str(count) in caught.value.message
    plan = adoption.plan("site", state, 2, Loss(count), discard=True)
    assert plan.facts == {"number": 2, "previous": 1, "discarded": count}
    assert len(plan.steps) == 2


def test_switching_leaves_one_live_copy():
    """The live copy becomes a former one, read-only, in the same moment."""
    state = storage_state(Status.STAGED).with_serving("b", 2)
    state = state.with_copy(dataclasses.replace(state.copy(2), read_only=True))
    after = adoption.switched(state, 2, "ab" * 8, "ac" * 8)
    assert after.live == dataclasses.replace(
        state.copy(2),
        status=Status.LIVE,
        read_only=False,
        adopted_tid="ab" * 8,
        periods=(Period("ac" * 7 + "ad", ""),),
    )
    assert after.copy(1).status is Status.FORMER
    assert after.copy(1).read_only
    assert after.serving == {"a": 1, "b": 2}


def test_the_first_adoption_is_remembered():
    """What a copy had when it was first adopted is kept when it is adopted again."""
    state = storage_state(Status.FORMER).with_serving("b", 2)
    state = adoption.switched(state, 2, "ab" * 8, "ab" * 8)
    state = adoption.switched(state, 1, "a0" * 8, "ac" * 8)
    state = adoption.switched(state, 2, "cd" * 8, "cd" * 8)
    assert state.copy(2).adopted_tid == "ab" * 8
    assert state.copy(1).periods == (Period("ac" * 7 + "ad", "cd" * 8),)
    assert [each.until for each in state.copy(2).periods] == ["ac" * 8, ""]


def test_staging_again_drops_the_staged_copy_first():
    """A second staged copy is refused, or takes the place of the first."""
    state = storage_state(Status.STAGED)
    with pytest.raises(RefusedError, match="--again"):
        staging.plan("site", state, 3, "back up", again=False)
    plan = staging.plan("site", state, 3, "back up", again=True)
    assert plan.facts == {"number": 3, "removed": [2]}
    assert plan.steps[0] == "retire and remove database copy 2"


def test_catching_up_needs_the_copy_it_was_staged_from():
    """A copy that another live copy than its own would be added to is refused."""
    state = storage_state(Status.STAGED)
    other = dataclasses.replace(state.copy(2), parent=7)
    with pytest.raises(RefusedError, match="staged from copy 7"):
        catchingup.plan("site", state.with_copy(other), 2, final=False)
    with pytest.raises(RefusedError, match="is served"):
        catchingup.plan("site", state.with_serving("b", 2), 2, final=False)


def test_the_last_catching_up_needs_a_read_only_live_copy():
    """With --final nothing may be committed any more."""
    state = storage_state(Status.STAGED)
    with pytest.raises(RefusedError, match="zeoctl read-only site"):
        catchingup.plan("site", state, 2, final=True)
    quiet = dataclasses.replace(state.copy(1), read_only=True)
    assert catchingup.plan("site", state.with_copy(quiet), 2, final=True).steps


def test_pruning_keeps_the_newest():
    """Only retired copies go, and of those all but the newest."""
    state = storage_state(Status.FORMER)
    for number in (3, 4, 5):
        state = state.with_copy(CopyState(number, Status.RETIRED, "stage", 0.0))

    def chosen(keep):
        found = retirement.choose("site", state, keep=keep, number=None)
        return [copy.number for copy in found]

    assert chosen(0) == [3, 4, 5]
    assert chosen(1) == [3, 4]
    assert chosen(9) == []


def test_a_number_is_never_given_twice():
    """The state remembers the highest number after its copy was removed."""
    state = storage_state(Status.RETIRED)
    assert state.without_copy(2).last == 2


def test_the_first_database_becomes_live():
    """An empty database enters an empty storage as the live one."""
    plan = creation.plan("site", StorageState(), 1, new_copy=False)
    assert len(plan.steps) == 2
    beside = creation.plan("site", storage_state(None), 2, new_copy=True)
    assert len(beside.steps) == 1


def test_packing_needs_a_server():
    """A live copy that is not served cannot be packed."""
    state = storage_state(None)
    assert packing.plan("site", state, 1.0).facts["side"] == "a"
    with pytest.raises(RefusedError, match="not served"):
        packing.plan("site", state.with_serving("a", None), 1.0)


def test_a_plan_tells_itself():
    """A rehearsal has the steps, the facts and a sentence, and changes nothing."""
    plan = packing.plan("site", storage_state(None), 2.0)
    told = plan.rehearsed()
    assert told["dry_run"] is True
    assert told["plan"] == list(plan.steps)
    assert told["text"].startswith("would pack database copy 1")
    assert plan.done("Done.", size=3)["changed"] is True
