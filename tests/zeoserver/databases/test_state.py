"""What is known of copies: read as it was written, or not at all."""

from __future__ import annotations

import json

import pytest

from karl.recipe.release.base.errors import DamagedError
from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.databases import tids
from karl.recipe.zeoserver.databases.periods import Period, begun, upto
from karl.recipe.zeoserver.databases.state import CopyState, Status, StorageState
from karl.recipe.zeoserver.layouts.repository import RepositoryLayout
from karl.recipe.zeoserver.layouts.storage import StorageLayout

TID = "040d35e204a1f6cc"

STATE = (
    StorageState()
    .with_copy(
        CopyState(
            1,
            Status.LIVE,
            "import",
            5.5,
            tid=TID,
            periods=(Period(tids.BEGINNING, ""),),
        )
    )
    .with_copy(CopyState(2, Status.STAGED, "stage", 6.0, 1, f"{TID}/{TID}", 9, TID))
    .with_serving("a", 1)
)


@pytest.fixture
def places(tmp_path):
    """A storage whose state was saved."""
    places = StorageLayout(tmp_path, RepositoryLayout(tmp_path / "backups"))
    states.save(places, STATE)
    return places


def test_a_state_is_read_as_it_was_saved(places):
    """Nothing of it is lost or changed."""
    assert states.load(places) == STATE


@pytest.mark.parametrize(
    "change",
    [
        {"last": float("inf")},
        {"last": -1},
        {"last": True},
        {"serving": {"a": "1"}},
        {"serving": {"a": 3}},
        {"serving": {"c": 1}},
        {"serving": []},
        {"copies": {}},
        {"copies": [1]},
        {"number": "1"},
        {"number": 2},
        {"number": 1.0},
        {"tid": None},
        {"tid": "zz"},
        {"made": 1e300},
        {"made": float("nan")},
        {"read_only": "no"},
        {"status": "lively"},
        {"parent": "1"},
        {"periods": [[tids.BEGINNING]]},
        {"periods": [["", 3]]},
        {"unheard": 1},
        {"format": 2},
    ],
)
def test_what_is_no_state_is_refused(places, change):
    """A value of another type or range is damage, and the error says which."""
    found = json.loads(places.state.read_text())
    target = found if set(change) & set(found) else found["copies"][0]
    target |= change
    places.state.write_text(json.dumps(found))
    with pytest.raises(DamagedError, match="does not describe the copies"):
        states.load(places)


@pytest.mark.parametrize("text", ["", "[" * 100_000, "null", "[]", "\xff"])
def test_what_is_no_json_is_refused(places, text):
    """Whatever is in the file, it is one error."""
    places.state.write_bytes(text.encode("latin-1"))
    with pytest.raises(DamagedError, match="does not describe the copies"):
        states.load(places)


def test_periods_end_when_another_begins():
    """A moment is in one period of one copy only."""
    periods = begun((), "00000000000000a0")
    assert "00000000000000a0" not in periods[0]
    assert "00000000000000a1" in periods[0]
    periods = begun(upto(periods, "00000000000000b0"), "00000000000000c0")
    assert ["00000000000000bf" in each for each in periods] == [False, False]
    assert ["ffffffffffffffff" in each for each in periods] == [False, True]
    assert upto(periods, "00000000000000a0") == ()
