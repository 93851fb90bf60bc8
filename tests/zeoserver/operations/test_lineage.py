"""Which commits another copy lacks, told from how copies were made."""

from __future__ import annotations

from karl.recipe.zeoserver.databases.state import CopyState, Status, StorageState
from karl.recipe.zeoserver.operations import lineage
from karl.recipe.zeoserver.operations.lineage import Span


def state_of(*copies):
    """Return the state of a storage with copies: number, parent, tid, adopted."""
    state = StorageState()
    for number, parent, tid, adopted in copies:
        state = state.with_copy(
            CopyState(
                number,
                Status.FORMER,
                "stage",
                0.0,
                parent,
                tid=tid,
                adopted_tid=adopted,
            )
        )
    return state


def lacking(state, live, other):
    """Return the spans as pairs."""
    spans = lineage.lacking(state, state.copy(live), state.copy(other))
    return spans if spans is None else [(span.after, span.until) for span in spans]


def test_commits_after_a_backup_are_lacked():
    """A copy of the live one lacks what was committed since it was backed up."""
    state = state_of((1, None, "", "00"), (2, 1, "20", ""))
    assert lacking(state, 1, 2) == [("20", "g")]


def test_going_back_gives_up_what_followed_the_cut_over():
    """What evolving committed before the cut-over is not counted, all else is."""
    state = state_of((1, None, "", "00"), (2, 1, "20", "25"))
    assert lacking(state, 2, 1) == [("25", "g")]


def test_commits_of_a_copy_in_between_count():
    """Going back two copies gives up the commits of both."""
    state = state_of((1, None, "", "00"), (2, 1, "20", "20"), (3, 2, "30", "30"))
    assert lacking(state, 3, 1) == [("30", "g"), ("20", "30")]


def test_going_forward_again_gives_up_what_was_committed_meanwhile():
    """A former copy that was left for its parent lacks the parent's later commits."""
    state = state_of((1, None, "", "00"), (2, 1, "20", "25"))
    assert lacking(state, 1, 2) == [("20", "g")]


def test_siblings_lack_each_others_commits():
    """A copy restored from before another one was staged lacks both their commits."""
    state = state_of((1, None, "", "00"), (2, 1, "30", "35"), (3, 1, "20", ""))
    assert lacking(state, 2, 3) == [("35", "g"), ("20", "30")]
    state = state_of((1, None, "", "00"), (2, 1, "30", "35"), (3, 1, "50", ""))
    assert lacking(state, 2, 3) == [("35", "g")]


def test_strangers_have_nothing_in_common():
    """Of an imported copy, or after an unknown parent, nothing is known."""
    state = state_of((1, None, "", "00"), (2, None, "20", ""), (3, 9, "20", ""))
    assert lacking(state, 1, 2) is None
    assert lacking(state, 1, 3) is None


def test_going_back_from_a_database_of_another_origin():
    """What was live before an imported database lacks what was committed there."""
    state = state_of((1, None, "", "00"), (2, None, "20", "20"))
    assert lacking(state, 2, 1) == [("20", "g")]
    assert lacking(state, 1, 2) == [("00", "g")]


def test_commits_that_a_pack_removed_count():
    """Where commits are known to have been made, they are not counted as none."""
    spans = (Span("25", "g"), Span("10", "20"))
    assert lineage.counted(spans, ["26", "27", "22", "15"]) == 3
    assert lineage.counted(spans, []) == 1
    assert lineage.counted(spans[:1], []) == 0
    assert lineage.counted((), ["26"]) == 0
