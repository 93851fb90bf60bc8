"""Walks that can be left and gone on with."""

from __future__ import annotations

from BTrees.IOBTree import IOBTree, IOTreeSet
from BTrees.OOBTree import OOBTree
from hypothesis import given
from hypothesis import strategies as st
from support.evolvesites import database, fill

from karl.recipe.evolve.steps import Walk, scan
from karl.recipe.evolve.steps.walking import walk


@given(keys=st.sets(st.integers(-1000, 1000)), after=st.integers(-1001, 1001))
def test_a_tree_is_walked_after_a_key(keys, after):
    """A walk over a BTree goes on after its position, even if that key has gone."""
    tree = IOBTree({key: str(key) for key in keys})
    expected = [(key, str(key)) for key in sorted(keys) if key > after]
    assert list(Walk(tree).after(after)) == expected
    assert Walk(tree).total() == len(keys)


@given(count=st.integers(0, 30), done=st.integers(0, 30))
def test_anything_else_is_walked_after_a_number(count, done):
    """A walk over a generator leaves out as many objects as were done."""
    source = Walk(str(number) for number in range(count))
    expected = [(number + 1, str(number)) for number in range(done, count)]
    assert list(source.after(done)) == expected
    assert source.total() is None


def test_a_tree_may_change_under_a_walk():
    """What a change removes is not met, and no other object is left out."""
    tree = OOBTree({number: number for number in range(2000)})
    met = []
    for key, _ in Walk(tree).after():
        met.append(key)
        tree.pop(key)
        tree.pop(key + 1, None)
    assert met == list(range(0, 2000, 2))


def test_a_set_is_walked_by_its_keys():
    """The objects of a walk over a set are made of its keys."""
    source = Walk(IOTreeSet([3, 1, 2]), lambda key, value: (key, value))
    assert list(source.after(1)) == [(2, (2, 2)), (3, (3, 3))]
    assert list(walk([7, 8]).after()) == [(1, 7), (2, 8)]


def test_a_scan_leaves_few_objects_in_memory(tmp_path):
    """Scanning many objects keeps no more of them than the cache may have."""
    with database(fill(tmp_path / "Data.fs", 3000)) as root:
        connection = root._p_jar
        connection.db().setCacheSize(100)
        titles = [note.title for note in scan(root["site"].notes)]
        assert len(titles) == 3000
        assert connection._cache.cache_non_ghost_count < 1500
