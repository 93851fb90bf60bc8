"""A customer's fault does not touch another: each storage has its own process."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from support.waiting import eventually
from support.zeoservers import fill, get, put

from karl.recipe.zeoserver.servers import control, supervisor


@pytest.fixture
def two(make_box):
    """Two storages with data, under one supervisord, and a client of the second."""
    box = make_box("acme", "globex")
    for name in ("acme", "globex"):
        box.make_copy(name)
    box.zeoctl("start", "--all")
    with box.client("globex") as other:
        put(other, "x", 1)
        other_pid = control.status(box.storage_places("globex"), "a").pid
        yield box
        put(other, "x", 2)
        assert get(other, "x") == 2
    assert control.status(box.storage_places("globex"), "a").pid == other_pid


def test_a_killed_server_comes_back_by_itself(two):
    """supervisord starts it anew; its own clients only wait."""
    places = two.storage_places("acme")
    with two.client("acme") as db:
        put(db, "x", 1)
        pid = control.status(places, "a").pid
        os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: control.status(places, "a")).pid != pid
        assert get(db, "x") == 1
        put(db, "x", 2)


def test_a_corrupt_database_stops_only_its_own_server(two):
    """What cannot be opened is told by status; it is neither served nor changed."""
    two.zeoctl("stop", "acme")
    data = two.storage_places("acme").copy(1).data
    data.write_bytes(b"rubbish" * 100)
    error = two.zeoctl("start", "acme", code=8)["storages"]["acme"]["error"]
    assert "cannot be opened" in error["message"]
    assert "zeoctl restore acme" in error["next"]
    assert data.read_bytes() == b"rubbish" * 100
    eventually(
        lambda: (
            "cannot be opened"
            in str(two.zeoctl("status")["storages"]["acme"]["problems"])
        )
    )
    found = two.zeoctl("status")["storages"]["globex"]
    assert found["servers"][0]["serves"]


def test_a_full_disk_fails_commits_and_nothing_else(box):
    """A commit for which there is no room is refused; reads and later commits work."""
    places = box.storage_places("acme")
    runner = box.runner(
        "acme",
        preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (300_000, 300_000)
        ),
    )
    eventually(lambda: control.status(places, "a"))
    with box.client("acme") as db:
        tid = put(db, "x", 1)
        for _ in range(2):
            with pytest.raises(Exception, match="27"):
                fill(db, objects=10, size=100_000)
            assert get(db, "x") == 1
        assert control.status(places, "a").tid == tid
        put(db, "x", 2)
        with pytest.raises(Exception, match=r"2[78]"):
            fill(db, objects=1, blobs=1, size=1_000_000)
        eventually(lambda: get(db, "x") == 2)
        put(db, "x", 3)
    blobs = places.copy(1).blobs
    eventually(lambda: not list((blobs / "tmp").iterdir()))
    assert runner.poll() is None


def test_a_really_full_disk(make_box):
    """On a file system without room commits fail, and succeed when there is room."""
    # Not below pytest's folder, which another session cleans up.
    disk = Path(tempfile.mkdtemp(prefix="zdisk", dir="/tmp"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "zeo", disk],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        disk.rmdir()
        pytest.skip("nothing can be mounted here")
    box = make_box("acme")
    try:
        places = box.storage_places("acme")
        places.root.mkdir()
        places.databases.symlink_to(disk)
        box.make_copy("acme")
        box.runner("acme")
        eventually(lambda: control.status(places, "a"))
        with box.client("acme") as db:
            tid = put(db, "x", 1)
            with pytest.raises(Exception, match="28"):
                fill(db, objects=20, size=200_000)
            assert control.status(places, "a").tid == tid
            assert get(db, "x") == 1
            put(db, "x", 2)
            # What failed has given its room back; even one that is voted for.
            filler = disk / "filler"
            filler.write_bytes(bytes(400_000))
            with pytest.raises(Exception, match="28"):
                fill(db, objects=4, size=100_000)
            fill(db, objects=2, size=100_000)
            filler.write_bytes(bytes(300_000))
            with pytest.raises(Exception, match=r"2[78]"):
                fill(db, objects=1, blobs=1, size=800_000)
            filler.unlink()
            eventually(lambda: put(db, "x", 3))
            fill(db, objects=1, blobs=1, size=10_000)
    finally:
        box.end()
        subprocess.run(["umount", disk], check=True)
        disk.rmdir()


def test_nothing_of_it_is_left_after_a_stop(two):
    """Stopping one storage ends its process, and no other."""
    pid = control.status(two.storage_places("acme"), "a").pid
    two.zeoctl("stop", "acme")
    assert not os.path.exists(f"/proc/{pid}")
    assert supervisor.states(two.central)["acme-a"] == "STOPPED"
