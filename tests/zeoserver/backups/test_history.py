"""Random histories: a copy as of any transaction is a prefix of the source."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.zeobackups import Bench, check_repository

from karl.recipe.zeoserver.backups import picking
from karl.recipe.zeoserver.databases import datafs

_KEYS = st.sampled_from("abc")
_ACTIONS = st.one_of(
    st.tuples(st.just("value"), _KEYS, st.integers()),
    st.tuples(st.just("blob"), _KEYS, st.binary(max_size=20)),
    st.tuples(st.just("undo")),
    st.tuples(st.just("delete"), _KEYS),
    st.tuples(st.just("pack")),
    st.tuples(st.just("full")),
    st.tuples(st.just("backup")),
)


@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(_ACTIONS, min_size=5, max_size=25))
def test_any_transaction_can_be_restored_to_the_byte(actions):
    """Whatever was committed, undone, packed and backed up, in whichever order."""
    with tempfile.TemporaryDirectory(prefix="z") as folder:
        bench = Bench(Path(folder) / "acme")
        _play(bench, actions)
        if bench.chains:
            check_repository(bench)
        for chain in bench.chains:
            _check_chain(bench, chain)


def _play(bench, actions):
    live = bench.live()
    with live as database:
        for name, *details in actions:
            if name == "value":
                database.commit(**{details[0]: details[1]})
            elif name == "blob":
                database.commit(**{f"blob-{details[0]}": details[1]})
            elif name == "undo" and _can_undo(database):
                database.undo()
            elif name == "delete" and details[0] in database.root:
                del database.root[details[0]]
                database.manager.commit()
            elif name == "pack":
                database.pack()
            elif name == "full":
                bench.full(end=database.end)
            elif name == "backup":
                bench.back_up(end=database.end)


def _can_undo(database):
    done = database.db.undoInfo()
    return done and "initial" not in done[0]["description"]


def _check_chain(bench, chain):
    whole = b"".join(unit.data.read_bytes() for unit in chain.units)
    complete = bench.restore(chain.newest)
    assert complete.data.read_bytes() == whole
    found = datafs.transactions(complete.data, 0, len(whole))
    floor = chain.full.oldest
    for transaction in [each for each in found if each.tid >= floor]:
        unit = next(unit for unit in chain.units if unit.tid >= transaction.tid)
        copy = bench.restore(unit, transaction.tid)
        assert copy.data.read_bytes() == whole[: transaction.end]
        choice = picking.pick((chain,), transaction.tid)
        assert choice.unit == unit
