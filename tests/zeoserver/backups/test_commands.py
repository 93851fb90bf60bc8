"""The verbs backup, backups and verify-backup, with and without a server."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support.waiting import eventually
from support.zeobackups import EVER, run_repozo, snapshot
from support.zeofaults import quick
from support.zeoservers import boxes, database, fill

from karl.recipe.release.base import files
from karl.recipe.zeoserver.backups import chains
from karl.recipe.zeoserver.databases import datafs
from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.databases.state import CopyState, Status
from karl.recipe.zeoserver.servers import control


@pytest.fixture
def box():
    """A database server with one storage that has a live copy; it does not run."""
    with boxes() as make:
        box = make("acme")
        box.make_copy("acme", side=None)
        commit(box, blobs=2)
        yield box


def commit(box, **options):
    """Commit to the closed live copy."""
    copy = box.storage_places("acme").copy(1)
    with database(copy.data, copy.blobs) as db:
        return fill(db, **options)


def status(box):
    """Return what is known of the storage."""
    return box.zeoctl("status", "acme")["storages"]["acme"]


def back_up(box, *words, code=0):
    """Run the verb; return its result."""
    found = box.zeoctl("backup", "acme", *words, code=code)["storages"]["acme"]
    return found.get("error", found)


def test_the_result_of_a_backup_says_all_of_it(box):
    """First a full one, then an increment, then nothing."""
    full = back_up(box)
    assert (full["kind"], full["start"], full["blobs"]) == ("full", 0, 2)
    assert full["reason"] == "there is no backup yet"
    tid = commit(box)
    increment = back_up(box)
    assert (increment["kind"], increment["tid"]) == ("incremental", tid)
    assert increment["start"] == full["end"]
    assert increment["bytes"] == increment["end"] - increment["start"]
    same = back_up(box)
    assert (same["kind"], same["changed"]) == ("unchanged", False)
    assert same["backup"] == increment["backup"]
    listed = box.zeoctl("backups", "acme")["storages"]["acme"]["backups"]
    assert [each["backup"] for each in listed] == [full["backup"], increment["backup"]]
    assert [each["verification"] for each in listed] == [None, None]


def test_rehearsing_changes_nothing(box):
    """--dry-run tells what would be done, and does not do it."""
    before = snapshot(box.storage_places("acme").root)
    found = back_up(box, "--dry-run")
    assert found["plan"] == [
        f"make a full backup of {found['plan'][0].split(' of ')[1]}"
    ]
    assert found["dry_run"]
    assert snapshot(box.storage_places("acme").root) == before


def test_what_cannot_be_is_refused(box):
    """Exit code 3, with the reason and what to do."""
    error = back_up(box, "--incremental", code=3)
    assert "there is no backup yet" in error["message"]
    assert error["next"] == "Make a full backup."
    places = box.storage_places("acme")
    unit = back_up(box)
    state = states.load(places)
    staged = CopyState(2, Status.STAGED, "stage", 0.0, 1, unit["backup"])
    states.save(places, state.with_copy(staged))
    error = back_up(box, "--full", code=3)
    assert "staged copy" in error["message"]
    commit(box)
    assert back_up(box)["kind"] == "incremental"


def test_two_at_once_are_one_after_the_other(box):
    """The lock of the storage keeps a second backup out: exit code 5."""
    from karl.recipe.release.base.locks import locked

    with locked(box.storage_places("acme").lock, "test"):
        assert "holds the lock" in back_up(box, code=5)["message"]


def test_old_chains_are_removed_and_told(box):
    """`keep` counts chains; the result names those that went."""
    box.declare("acme", keep=2)
    box.write()
    names = []
    for _ in range(3):
        names.append(back_up(box, "--full"))
        commit(box)
    assert names[-1]["removed_chains"] == [names[0]["chain"]]
    listed = box.zeoctl("backups")["storages"]["acme"]["backups"]
    assert [each["chain"] for each in listed] == [each["chain"] for each in names[1:]]


def test_a_missing_blob_is_exit_code_6(box):
    """The backup is there, and nobody can overlook that it lacks something."""
    blob = next(box.storage_places("acme").copy(1).blobs.rglob("*.blob"))
    blob.unlink()
    found = back_up(box, code=6)
    assert found["missing_blobs"] == 1
    assert "1 blobs were missing" in found["text"]
    assert status(box)["backup"]["missing_blobs"] == 1
    assert any(blob.name in each for each in status(box)["problems"])
    assert back_up(box)["kind"] == "unchanged"


def test_old_damage_does_not_keep_new_commits_from_being_backed_up(box):
    """No full backup of a damaged file, exit code 4; but what is new is saved."""
    for _ in range(3):
        commit(box, objects=200, size=6000)
    first = back_up(box)
    data = box.storage_places("acme").copy(1).data
    start = next(datafs.transactions(data, 0, first["end"])).end
    tid = commit(box)
    with data.open("r+b") as stream:
        stream.seek(start + 16)
        stream.write(b"?")
    box.declare("acme", full_every=0)
    box.write()
    error = back_up(box, code=4)
    assert f"at byte {start}" in error["message"]
    assert "is in the incremental backup" in error["message"]
    listed = box.zeoctl("backups")["storages"]["acme"]["backups"]
    assert [each["kind"] for each in listed] == ["full", "incremental"]
    assert listed[-1]["tid"] == tid


def test_verifying_and_a_drill(box):
    """The records of what was found are shown by `backups`."""
    back_up(box)
    found = box.zeoctl("verify-backup", "acme", "--drill")["storages"]["acme"]
    assert found["chains"][0]["findings"]["loaded"] > 20
    (backup,) = box.zeoctl("backups")["storages"]["acme"]["backups"]
    assert backup["verification"]["drill"]
    shown = box.run("backups").stdout
    assert ", restored" in shown
    assert "acme: " in shown
    places = box.storage_places("acme")
    assert sorted(path.name for path in places.databases.iterdir()) == ["1"]


def test_damage_is_exit_code_4_and_says_what_is_still_good(box):
    """The file is named, and so are the chains that were verified."""
    good = back_up(box)
    box.zeoctl("verify-backup", "acme")
    bad = back_up(box, "--full")
    places = box.storage_places("acme").repository.chain(bad["chain"])
    data = places.unit(bad["stamp"]).full
    content = data.read_bytes()
    data.write_bytes(content[:-1] + b"?")
    found = box.zeoctl("verify-backup", "acme", "--all-chains", code=4)
    error = found["storages"]["acme"]["error"]
    assert str(data) in error["message"]
    assert f"Verified without damage: {good['chain']}." in error["next"]
    assert "DAMAGED" in box.run("backups").stdout
    # It can be told to look at the good one alone.
    box.zeoctl("verify-backup", "acme", "--backup", good["backup"])


def test_without_a_backup_there_is_nothing_to_verify(box):
    """Exit code 3 says to make one; listing is fine."""
    box.zeoctl("verify-backup", "acme", code=3)
    assert "There is no backup." in box.run("backups").stdout
    assert not box.storage_places("acme").repository.root.exists()


def test_a_killed_backup_is_repaired_by_the_next(box):
    """SIGKILL in the middle of a backup: nothing is visible, the next one works."""
    copy = box.storage_places("acme").copy(1)
    with database(copy.data, copy.blobs) as db:
        for _ in range(3):
            fill(db, objects=500, size=20000)
    process = subprocess.Popen(
        [box.places.zeoctl, "backup", "acme"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    repository = box.storage_places("acme").repository

    def under_way():
        return list(repository.root.glob(".partial-*/*")) or chains.load(repository)

    eventually(under_way)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    back_up(box)
    assert len(chains.load(repository)) == 1
    assert not list(repository.root.glob(".partial-*"))


def test_while_clients_commit_every_backup_is_whole(box):
    """Increments under load: repozo accepts them, and all ends are those of commits."""
    places = box.storage_places("acme")
    state = states.load(places).with_serving("a", 1)
    states.save(places, state)
    box.runner("acme")
    eventually(lambda: control.status(places, "a"))
    load = box.load("acme", readers=0, writers=2, blobs=True, pause=0.005)
    kinds = []
    for _ in range(4):
        load.wait(5, "write")
        kinds.append(back_up(box)["kind"])
    operations = load.stop()
    kinds.append(back_up(box)["kind"])
    assert kinds == ["full", *["incremental"] * 4]
    (chain,) = chains.load(places.repository)
    assert run_repozo("-V", "-r", chain.places.root) == ""
    output = box.root / "by-hand.fs"
    words = ["-R", "-w", "-r", chain.places.root, "-D", EVER, "-o", output]
    assert run_repozo(*words) == ""
    committed = {each["tid"] for each in operations if each.get("tid")}
    size = output.stat().st_size
    found = {each.tid for each in datafs.transactions(output, 0, size)}
    assert committed
    assert committed <= found
    assert output.read_bytes() == places.copy(1).data.read_bytes()
    box.zeoctl("verify-backup", "acme", "--drill")


def test_after_a_pack_the_next_is_full(box):
    """A pack through the server begins a new chain."""
    places = box.storage_places("acme")
    states.save(places, states.load(places).with_serving("a", 1))
    box.runner("acme")
    eventually(lambda: control.status(places, "a"))
    back_up(box)
    with box.client("acme") as db:
        fill(db, blobs=1)
    control.pack(places, "a", time.time(), lambda *words: None)
    error = back_up(box, "--incremental", code=3)
    assert "packed or replaced" in error["message"]
    assert back_up(box)["kind"] == "full"
    box.zeoctl("verify-backup", "acme", "--drill")


def test_a_repository_whose_disk_is_not_there_is_not_made_again(box):
    """No backup is made on another disk by mistake, and it is said what is wrong."""
    folder = box.root / "elsewhere"
    box.declare("acme", repository=str(folder))
    box.write()
    data = box.root / "Data.fs"
    shutil.copyfile(box.storage_places("acme").copy(1).data, data)
    for verb in (
        ["backup"], ["backups"], ["restore", "--to-new-copy"], ["init", "--new-copy"],
        ["import", "--new-copy", "--data", str(data)],
    ):  # fmt: skip
        told = box.zeoctl(verb[0], "acme", *verb[1:], code=7)["storages"]["acme"]
        assert "mounted" in told["error"]["next"]
    found = status(box)
    assert len([each for each in found["problems"] if str(folder) in each]) == 1
    assert found["free_for_backups"] is None
    assert not folder.exists()
    folder.mkdir()
    assert back_up(box)["kind"] == "full"


def test_a_former_copy_s_last_backups_are_kept(box):
    """Whatever is backed up since, one can go back to what was live before."""
    box.declare("acme", keep=1)
    box.write()
    places = box.storage_places("acme")
    former = back_up(box, "--full")
    state = box.state("acme")
    old = dataclasses.replace(state.copy(1), status=Status.FORMER)
    states.save(places, state.with_copy(old))
    box.make_copy("acme", 2, side=None, source=1)
    with database(places.copy(2).data, places.copy(2).blobs) as db:
        fill(db)
    assert back_up(box)["removed_chains"] == []
    with database(places.copy(2).data, places.copy(2).blobs) as db:
        fill(db)
    assert former["chain"] not in back_up(box, "--full")["removed_chains"]
    old = dataclasses.replace(state.copy(1), status=Status.RETIRED)
    states.save(places, box.state("acme").with_copy(old))
    assert former["chain"] in back_up(box, "--full")["removed_chains"]


def test_damage_below_the_newest_backup_stays_a_problem(box):
    """A backup is no better than the full one that it builds on."""
    full = back_up(box)
    commit(box)
    back_up(box)
    data = Path(full["path"])
    content = data.read_bytes()
    data.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    box.zeoctl("verify-backup", "acme", code=4)
    found = status(box)
    assert found["backup"]["damaged"]
    assert not found["backup"]["verified"]
    assert any(full["backup"] in each for each in found["problems"])
    commit(box)
    assert back_up(box)["kind"] == "full"
    assert not status(box)["backup"]["damaged"]


def test_damage_of_one_storage_is_told_beside_the_others(box):
    """A record that makes no sense ends no report, and is told in it."""
    box.declare("globex")
    box.write()
    box.make_copy("globex", side=None)
    unit = back_up(box)
    record = Path(unit["path"]).with_suffix(".json")
    record.write_text(record.read_text().replace('"made": ', '"made": 9e'))
    told = box.zeoctl("status")["storages"]
    assert set(told) == {"acme", "globex"}
    listed = box.zeoctl("backups")["storages"]["acme"]
    assert str(record) in listed["damage"][unit["chain"]]


def test_what_nobody_foresaw_keeps_no_storage_from_its_turn(box, monkeypatch, capsys):
    """The error is told with its place, and the document is whole."""
    box.declare("globex")
    box.write()
    seam = files.seam

    def fail(action, path):
        if "acme" in path.parts:
            raise ZeroDivisionError(action)
        seam(action, path)

    monkeypatch.setattr(files, "seam", fail)
    document = quick(box, "init", "acme", "globex", "--new-copy", code=1)
    assert document["storages"]["globex"]["number"] == 1
    error = document["storages"]["acme"]["error"]
    assert "ZeroDivisionError" in error["message"]
    assert "test_commands.py, line" in error["message"]
    assert "-v" in error["next"]
    assert "not foreseen" in capsys.readouterr().err
