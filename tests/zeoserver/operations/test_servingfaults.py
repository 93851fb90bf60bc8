"""Verbs that change servers are killed at each of their changes in turn."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import time

import pytest
from support.waiting import eventually
from support.zeofaults import FAULTS, check_tidy, quick, run_with_fault
from support.zeoservers import database, fill, get, put
from ZODB.FileStorage import FileStorage
from ZODB.serialize import referencesf

from karl.recipe.release.base.journal import Journal
from karl.recipe.release.base.reporter import SilentReporter
from karl.recipe.zeoserver.operations import recovery
from karl.recipe.zeoserver.servers import control, supervisor


def one(document):
    return document["storages"]["site"]


@pytest.fixture
def two(box):
    """A storage with two copies of the same history, both served."""
    made = box("site")
    supervisor.start(made.central, SilentReporter())
    quick(made, "init", "site")
    quick(made, "stage", "site")
    quick(made, "serve", "site", "2")
    return made


def modes(box):
    """Return by side which copy is served, and if read-only."""
    places = box.storage_places("site")
    found = {side: control.status(places, side) for side in "ab"}
    return {side: (each.copy, each.read_only) for side, each in found.items() if each}


@pytest.mark.parametrize("what", FAULTS)
def test_adopt(two, what):
    """Two copies are never writable; the next command finishes or undoes adopt."""
    now, other = 1, 2
    for number in itertools.count(1):
        words = ("adopt", "site", str(other))
        if not run_with_fault(two, number, FAULTS[what], *words):
            assert number > 5
            break
        state = two.state("site")
        assert state.live.number in {now, other}
        writable = {copy for copy, read_only in modes(two).values() if not read_only}
        if state.copies[other].adopted_tid:  # It was writable before the first time.
            assert len(writable) <= 1
        quick(two, "prune", "site")
        live = two.state("site").live.number
        assert not two.state("site").live.read_only
        # What is not live is read-only, but for a copy that never was live.
        assert (live, False) in modes(two).values()
        told = one(quick(two, "adopt", "site", str(other)))
        assert told["number"] == other
        assert set(modes(two).values()) == {(other, False), (now, True)}
        check_tidy(two, "site")
        now, other = other, now


@pytest.mark.slow
def test_serve_and_unserve(two):
    """A killed serve or unserve is completed or undone by the next one."""
    for verb, wanted in (("unserve", "a"), ("serve", "ab")):
        reverse = "serve" if verb == "unserve" else "unserve"
        for number in itertools.count(1, 2):
            if not run_with_fault(two, number, FAULTS["kill"], verb, "site", "2"):
                assert number > 3
                break
            quick(two, verb, "site", "2")
            assert sorted(two.state("site").serving) == list(wanted)
            assert sorted(modes(two)) == list(wanted)
            check_tidy(two, "site")
            quick(two, reverse, "site", "2")


def test_the_live_copy_goes_on(two):
    """While stage and catch-up are killed, clients go on and nothing is lost."""
    quick(two, "unserve", "site", "2")
    data = two.storage_places("site").copy(1).data
    load = two.load("site", readers=1, writers=1, blobs=True, pause=0.01)
    load.wait(2)
    for number in (4, 12, 25):
        (staged,) = two.state("site").staged
        catch_up = ("catch-up", "site", str(staged.number))
        for verb in (catch_up, ("stage", "site", "--again")):
            position = control.status(two.storage_places("site"), "a").position
            before = data.read_bytes()[:position]
            run_with_fault(two, number, FAULTS["kill"], *verb)
            load.wait(1)
            assert data.read_bytes().startswith(before)
        quick(two, "stage", "site", "--again")
        check_tidy(two, "site")
        (staged,) = two.state("site").staged
        quick(two, "catch-up", "site", str(staged.number))
        copy = two.storage_places("site").copy(staged.number).data.read_bytes()
        assert data.read_bytes().startswith(copy)
    assert not [each for each in load.stop() if each["error"]]


def test_pack_goes_on_without_zeoctl(two):
    """Killed at any change, zeoctl leaves a live copy that works and can be packed."""
    quick(two, "unserve", "site", "2")
    quick(two, "retire", "site", "2")
    for number in itertools.count(1):
        with two.client("site") as db:
            put(db, "number", number)
        words = ("pack", "site", "--days", "0")
        if not run_with_fault(two, number, FAULTS["kill"], *words):
            assert number > 3
            break
        quick(two, *words)
        check_tidy(two, "site")
        with two.client("site") as db:
            assert get(db, "number") == number
    assert two.state("site").live.packed


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_a_server_killed_while_it_packs(box, renames):
    """Whichever of FileStorage's renames was done, the database is there again."""
    made = box("site")
    quick(made, "init", "site")
    copy = made.storage_places("site").copy(1)
    with database(copy.data, copy.blobs) as db:
        fill(db, 20, blobs=1)
        tid = put(db, "number", 7)
    before = copy.data.read_bytes()
    child = os.fork()
    if child == 0:
        _pack_and_die(copy, renames)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert copy.data.exists() == (renames != 1)
    quick(made, "prune", "site")
    assert not copy.packing.exists()
    if renames < 2:
        assert copy.data.read_bytes() == before
    supervisor.start(made.central, SilentReporter())
    with made.client("site") as db:
        assert get(db, "number") == 7
        assert db.storage.lastTransaction().hex() == tid
        with db.transaction() as connection:
            assert len(connection.root()["things"]) == 21


def test_a_server_mends_an_interrupted_pack_itself(box):
    """After a power cut the servers come back without anybody's command."""
    made = box("site")
    quick(made, "init", "site")
    copy = made.storage_places("site").copy(1)
    shutil.copy(copy.data, copy.packing)
    copy.data.rename(copy.before_pack)
    supervisor.start(made.central, SilentReporter())
    with made.client("site") as db:
        put(db, "number", 1)
    assert not copy.packing.exists()


def _pack_and_die(copy, renames):
    """Pack with FileStorage itself; be killed after so many renames of its files."""
    rename, done = os.rename, 0

    def counted(source, target):
        nonlocal done
        if str(source).endswith(("Data.fs", "Data.fs.pack")):
            if done == renames:
                os.kill(os.getpid(), signal.SIGKILL)
            done += 1
        rename(source, target)
        if done == renames == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        storage = FileStorage(str(copy.data), blob_dir=str(copy.blobs))
        os.rename = counted
        storage.pack(time.time() + 1, referencesf)
    finally:
        os._exit(1)


def test_a_pack_is_noted_when_it_has_ended(two, monkeypatch, capsys):
    """Who comes while a server packs on does not forget that; the next one notes it."""
    monkeypatch.setattr(recovery, "_PATIENCE", 0.1)
    quick(two, "unserve", "site", "2")
    quick(two, "retire", "site", "2")
    places = two.storage_places("site")
    with two.client("site") as db:
        put(db, "number", 1)
        put(db, "number", 2)
    pid = control.status(places, "a").pid
    inode = places.copy(1).data.stat().st_ino
    journal = Journal(places.journal)
    journal.append("begin", verb="pack")
    journal.append("step", verb="pack", step="pack", number=1, inode=inode)
    os.kill(pid, signal.SIGSTOP)  # It cannot say whether it packs.
    try:
        quick(two, "prune", "site")
    finally:
        os.kill(pid, signal.SIGCONT)
    told = capsys.readouterr().err
    assert told == "warning: The server of site on side a does not answer.\n"
    control.pack(places, "a", time.time())
    assert places.copy(1).data.stat().st_ino != inode
    assert two.state("site").live.packed is None
    quick(two, "prune", "site")
    noted = two.state("site").live.packed
    assert noted
    quick(two, "prune", "site")
    assert two.state("site").live.packed == noted


@pytest.mark.slow
def test_a_pack_without_zeoctl_is_waited_for(box):
    """While a server packs though zeoctl was killed, nothing backs up or packs."""
    made = box("site")
    quick(made, "init", "site")
    copy = made.storage_places("site").copy(1)
    with database(copy.data, copy.blobs) as db:
        fill(db, 240_000, size=100)
        put(db, "things", None)
    supervisor.start(made.central, SilentReporter())
    eventually(lambda: modes(made) == {"a": (1, False)})
    places = made.storage_places("site")
    words = [made.places.zeoctl, "pack", "site", "--days", "0"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as command:
        eventually(lambda: control.status(places, "a").packing)
        command.kill()
    for verb in (["backup", "site"], ["stage", "site"], ["pack", "site"]):
        told = one(quick(made, *verb, code=5))
        assert "packs database copy 1" in told["error"]["message"]
    assert made.state("site").live.packed is None
    eventually(lambda: not control.status(places, "a").packing)
    ended = time.time()
    quick(made, "backup", "site")
    assert made.state("site").live.packed <= ended
    check_tidy(made, "site")


def test_the_first_server_comes_up_by_itself(box):
    """What was made live without servers is served as soon as they start."""
    made = box("site")
    quick(made, "init", "site")
    supervisor.start(made.central, SilentReporter())
    eventually(lambda: modes(made) == {"a": (1, False)})
