"""The verb backup as a whole fails and is killed at each of its changes."""

from __future__ import annotations

import errno
import os

import pytest
from support.faults import Fault, killed_at
from support.zeobackups import run_repozo
from support.zeoservers import boxes, database, fill

from karl.recipe.release.base import files
from karl.recipe.zeoserver.backups import chains, units
from karl.recipe.zeoserver.backups.planning import Kind
from karl.recipe.zeoserver.operations import backingup


@pytest.fixture
def box():
    """A storage with two chains, of which it keeps two; no server runs."""
    with boxes() as make:
        box = make("acme")
        box.declare("acme", keep=2)
        box.make_copy("acme", side=None)
        for _ in range(2):
            commit(box)
            backingup.back_up(box.storage("acme"), Kind.FULL)
        yield box


def commit(box):
    """Commit an object and a blob to the live copy."""
    copy = box.storage_places("acme").copy(1)
    with database(copy.data, copy.blobs) as db:
        fill(db, objects=1, blobs=1)


def check(box):
    """Assert that every chain is whole, for us and for repozo."""
    found = chains.load(box.storage_places("acme").repository)
    assert found
    for chain in found:
        assert not chain.damage
        assert chain.places.dat.read_text() == units.dat(chain.units)
        assert run_repozo("-V", "-r", chain.places.root) == ""
        for unit in chain.units:
            for blob in units.read_manifest(unit):
                assert (chain.places.blobs / blob.path).stat().st_size == blob.size


def _killed(storage, kind, number):
    return killed_at(number, lambda: backingup.back_up(storage, kind))


def _failed(storage, kind, number):
    def fail():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    fault = Fault(number, fail)
    before = files.seam
    files.seam = fault
    try:
        backingup.back_up(storage, kind)
    except OSError:
        assert fault.fired
    finally:
        files.seam = before
    return fault.fired


@pytest.mark.parametrize("harm", [_killed, _failed])
@pytest.mark.parametrize("kind", [Kind.FULL, Kind.INCREMENTAL])
def test_at_each_change_the_next_backup_makes_all_right(box, kind, harm):
    """Whatever is left, the next backup works, and the live copy is untouched."""
    storage = box.storage("acme")
    data = storage.places.copy(1).data
    commit(box)
    content = data.read_bytes()
    number = 1
    while harm(storage, kind, number):
        found = chains.load(storage.places.repository)
        # Of one state there may be two, as those of a killed backup.
        assert 2 <= len(found) <= 5
        result = backingup.back_up(storage, kind)
        assert result["end"] == len(content)
        check(box)
        assert data.read_bytes() == content
        assert len(chains.load(storage.places.repository)) <= 4
        if kind is Kind.INCREMENTAL:
            commit(box)
            content = data.read_bytes()
        number += 1
    assert number > 8
