"""Which backup is made, and which are kept."""

from __future__ import annotations

import json
import time

import pytest
from support.zeobackups import SILENT, check_repository, check_restorable

from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.base.locks import sharing
from karl.recipe.zeoserver.backups import chains, retention, verdicts, verification
from karl.recipe.zeoserver.backups.planning import Kind
from karl.recipe.zeoserver.backups.verdicts import Verdict
from karl.recipe.zeoserver.databases.datafs import end_of

DAY = 86400


def test_the_first_backup_is_full(bench):
    """Without a backup there is nothing to add to."""
    assert bench.plan().kind is Kind.FULL
    with pytest.raises(RefusedError, match="there is no backup yet"):
        bench.plan(Kind.INCREMENTAL)


def test_the_next_one_is_incremental(bench):
    """What is committed to the same file is an increment, with nothing else in it."""
    full = bench.full()
    bench.commit(more=1)
    unit = bench.back_up()
    assert (unit.start, unit.chain) == (full.end, full.stamp)
    assert unit.transactions == 1


def test_after_full_every_days_it_is_full(bench):
    """The choice falls on a full one when the last is old enough, also unchanged."""
    bench.full()
    bench.now += 6 * DAY
    bench.commit(more=1)
    assert bench.back_up().start
    bench.now += DAY
    plan = bench.plan()
    assert (plan.kind, plan.reason) == (
        Kind.FULL,
        "the last full backup is 7 days old",
    )
    assert bench.plan(Kind.INCREMENTAL).kind is Kind.UNCHANGED


@pytest.mark.parametrize("days", [0, 30])
def test_while_a_copy_is_staged_no_chain_is_begun(bench, days):
    """A staged copy gets its increment, however old the chain is."""
    bench.full()
    bench.now += days * DAY
    bench.commit(more=1)
    assert bench.plan(held=True).kind is Kind.INCREMENTAL
    with pytest.raises(RefusedError, match="staged copy waits"):
        bench.plan(Kind.FULL, held=True)
    with bench.live() as live:
        live.pack()
    with pytest.raises(RefusedError, match="packed or replaced"):
        bench.plan(held=True)


def test_after_a_pack_it_is_full(bench):
    """A packed file is another one: the increment is refused, the choice is full."""
    bench.full()
    with bench.live() as live:
        live.commit(photo=b"third")
        live.pack()
    with pytest.raises(RefusedError, match="packed or replaced"):
        bench.plan(Kind.INCREMENTAL)
    assert bench.back_up().full
    check_restorable(bench)


def test_a_file_that_was_replaced_in_place_is_noticed(bench):
    """Other bytes before the end, in the same file, are no ground for an increment."""
    bench.commit(more="x" * 100)
    unit = bench.full()
    content = bytearray(bench.content)
    content[-20] ^= 1
    bench.copy.data.write_bytes(content)
    assert bench.copy.data.stat().st_ino == unit.inode
    assert bench.plan(end=unit.until).kind is Kind.FULL


def test_a_file_that_is_shorter_is_noticed(bench):
    """A live copy that lost transactions is backed up in full."""
    before = end_of(bench.copy.data)
    bench.commit(more=1)
    bench.full()
    with bench.copy.data.open("r+b") as stream:
        stream.truncate(before.position)
    assert bench.plan().kind is Kind.FULL


def test_another_copy_is_backed_up_in_full(bench):
    """A chain is of one database copy."""
    bench.full()
    plan = bench.plan(number=2)
    assert plan.kind is Kind.FULL
    assert "database copy 1" in plan.reason


def _many(bench, count):
    for number in range(count):
        bench.commit(number=number)
        bench.full()
        bench.commit(half=number)
        bench.increment()
    return [chain.stamp for chain in bench.chains]


def test_retention_removes_whole_chains_the_oldest(bench):
    """The newest chains are kept, each with its full backup."""
    stamps = _many(bench, 4)
    old = retention.plan(bench.chains, 2, ())
    assert [chain.stamp for chain in old] == stamps[:2]
    assert retention.apply(bench.repository, old, SILENT) == tuple(stamps[:2])
    assert [chain.stamp for chain in bench.chains] == stamps[2:]
    check_repository(bench)


def test_retention_keeps_what_a_staged_copy_needs(bench):
    """A pinned chain stays, however old."""
    stamps = _many(bench, 3)
    old = retention.plan(bench.chains, 1, {stamps[0]})
    assert [chain.stamp for chain in old] == stamps[1:2]


def test_retention_keeps_the_newest_that_is_whole(bench):
    """Damaged chains never push out the last good one."""
    stamps = _many(bench, 3)
    for chain in bench.chains[1:]:
        chain.full.data.unlink()
    assert retention.plan(bench.chains, 1, ()) == ()
    bench.commit(more=1)
    bench.full()
    old = [chain.stamp for chain in retention.plan(bench.chains, 1, ())]
    assert old == stamps


def test_nothing_is_added_to_a_chain_that_a_verification_found_damaged(bench):
    """What could never be restored is no backup: the next one is full."""
    full = bench.full()
    bench.commit(more=1)
    bench.increment()
    content = bytearray(full.data.read_bytes())
    content[-20] ^= 1
    full.data.write_bytes(content)
    assert verification.verify(bench.chains[0], None, SILENT).damage
    bench.commit(more=2)
    with pytest.raises(RefusedError, match=f"damage in {full.name}"):
        bench.plan(Kind.INCREMENTAL)
    assert bench.back_up().full
    check_restorable(bench)


def test_retention_keeps_the_newest_that_no_verification_found_damaged(bench):
    """A chain that is known to be damaged is no reason to remove a good one."""
    stamps = _many(bench, 3)
    for chain in bench.chains[1:]:
        verdicts.save(chain.full, Verdict(0.0, drill=False, damage=("It is.",)))
    assert retention.plan(bench.chains, 1, ()) == ()
    bench.commit(more=1)
    bench.full()
    old = [chain.stamp for chain in retention.plan(bench.chains, 1, ())]
    assert old == stamps


def test_retention_does_not_count_damaged_chains(bench):
    """As many good chains stay as are to be kept, whatever else there is."""
    stamps = _many(bench, 4)
    for chain in bench.chains[1:3]:
        verdicts.save(chain.full, Verdict(0.0, drill=False, damage=("It is.",)))
    assert retention.plan(bench.chains, 2, ()) == ()
    bench.commit(more=1)
    stamps.append(bench.full().stamp)
    old = retention.plan(bench.chains, 2, ())
    assert [chain.stamp for chain in old] == stamps[:3]


def test_retention_counts_chains_of_one_state_once(bench):
    """Backups of what is backed up already push out no history."""
    stamps = _many(bench, 2)
    again = [bench.full().stamp for _ in range(4)]
    old = [chain.stamp for chain in retention.plan(bench.chains, 2, ())]
    assert old == again[:-1]
    bench.commit(more=1)
    bench.full()
    old = [chain.stamp for chain in retention.plan(bench.chains, 2, ())]
    assert old == [stamps[0], *again[:-1]]


def test_the_newest_chain_of_a_copy_can_be_kept(bench):
    """What a copy had that one may go back to is found by its number."""
    stamps = _many(bench, 2)
    other = bench.full(number=2)
    assert retention.newest_of(bench.chains, {1, 7}) == {stamps[1]}
    assert retention.newest_of(bench.chains, {1, 2}) == {stamps[1], other.stamp}
    verdicts.save(other, Verdict(0.0, drill=False, damage=("It is.",)))
    assert retention.newest_of(bench.chains, {2}) == set()


def test_a_clock_that_was_wrong_delays_no_full_backup(bench):
    """Stamps of the future are not taken for the time of a backup."""
    now = bench.now = time.time()
    bench.now += 5 * 365 * DAY
    wrong = bench.full()
    record = json.loads(wrong.places.record.read_text())
    wrong.places.record.write_text(json.dumps({**record, "made": bench.now}))
    bench.now = now
    assert bench.plan().reason.endswith("when the clock was wrong")
    right = bench.back_up()
    assert right.full
    assert right.stamp > wrong.stamp
    bench.commit(more=1)
    bench.now += 6 * DAY
    assert bench.plan().kind is Kind.INCREMENTAL
    bench.now += DAY
    assert bench.plan().kind is Kind.FULL


def test_retention_waits_for_a_verification(bench):
    """What is being read is not removed; the next time it is."""
    stamps = _many(bench, 2)
    old = retention.plan(bench.chains, 1, ())
    with sharing(bench.repository.in_use, lambda: None):
        assert retention.apply(bench.repository, old, SILENT) == ()
    assert len(bench.chains) == 2
    assert retention.apply(bench.repository, old, SILENT) == (stamps[0],)


def test_a_backup_is_found_by_its_name(bench):
    """The stamp will do, and so does its full name."""
    _many(bench, 2)
    unit = bench.chains[0].newest
    assert chains.find(bench.chains, unit.name)[1] == unit
    assert chains.find(bench.chains, unit.stamp)[1] == unit
    with pytest.raises(RefusedError, match="no backup nothing"):
        chains.find(bench.chains, "nothing")


@pytest.mark.parametrize(
    "change",
    [
        {"made": 1e300},
        {"made": "x"},
        {"copy": "1"},
        {"tid": "zz"},
        {"oldest": 7},
        {"end": -5},
        {"missing_blobs": 3},
        {"missing": [1], "missing_blobs": 1},
        {"periods": [["x", "y"]]},
    ],
)
def test_a_record_with_other_values_is_damage(bench, change):
    """What a backup cannot have been recorded with is damage, and nothing crashes."""
    unit = bench.full()
    values = json.loads(unit.places.record.read_text())
    unit.places.record.write_text(json.dumps({**values, **change}))
    (chain,) = bench.chains
    assert "does not describe a backup" in chain.damage
    assert bench.plan().kind is Kind.FULL
