"""One server process: what it refuses, how it ends, who may connect."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import socket
import stat
import struct
import subprocess

import pytest
from support.waiting import eventually
from support.zeoservers import database, fill, get, put

from karl.recipe.zeoserver.databases import datafs
from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.operations.status import report
from karl.recipe.zeoserver.servers import control

NOBODY = 65534


@pytest.fixture
def places(box):
    return box.storage_places("acme")


def output(box, runner):
    """Return the exit code of a runner that ends, and what it printed."""
    code = runner.wait(30)
    return code, box.storage_places("acme").output("a").read_text()


def serve(box):
    """Start the server and wait until it serves."""
    runner = box.runner("acme")
    places = box.storage_places("acme")
    return runner, eventually(lambda: control.status(places, "a"))


def test_it_tells_what_it_serves(box, places):
    """The status has the copy, its end, and who is connected."""
    runner, status = serve(box)
    assert (status.pid, status.copy, status.clients) == (runner.pid, 1, ())
    assert status.position == places.copy(1).data.stat().st_size
    with box.client("acme") as db:
        tid = put(db, "x", 1)
        status = control.status(places, "a")
        assert (status.tid, len(status.clients)) == (tid, 1)


def test_a_side_without_a_copy_is_refused(box, places):
    """Where nothing is served the runner ends with 3, and makes no database."""
    states.save(places, box.state("acme").with_serving("a", None))
    code, text = output(box, box.runner("acme"))
    assert code == 3
    assert "zeoctl serve acme" in text


def test_a_missing_database_is_refused(box, places):
    """FileStorage never gets to make an empty Data.fs in place of a lost one."""
    places.copy(1).data.unlink()
    code, text = output(box, box.runner("acme"))
    assert code == 3
    assert "zeoctl restore acme" in text
    assert not places.copy(1).data.exists()


def test_what_a_killed_pack_left_is_put_right(box, places):
    """Killed between a pack's renames, the database is served as it was before."""
    before = places.copy(1).data.read_bytes()
    places.copy(1).packing.write_bytes(before[:100])
    places.copy(1).data.rename(places.copy(1).before_pack)
    serve(box)
    assert places.copy(1).data.read_bytes() == before


@pytest.mark.parametrize("how", ["moved", "dangling"])
def test_an_old_database_is_never_taken_for_the_lost_one(box, places, how):
    """What an earlier pack kept is not served where Data.fs is gone."""
    copy = places.copy(1)
    copy.before_pack.write_bytes(copy.data.read_bytes())
    copy.data.rename(copy.root / "elsewhere")
    if how == "dangling":
        copy.packing.write_bytes(b"FS30")
        copy.data.symlink_to("/nowhere/Data.fs")
    code, text = output(box, box.runner("acme"))
    assert code == 3
    assert "is missing" in text
    assert not copy.data.exists()
    assert copy.before_pack.exists()


@pytest.mark.parametrize("content", [b"", b"FS", b"no database at all"])
def test_a_file_that_is_no_database_is_refused(box, places, content):
    """An empty or foreign file is not taken for a database, and left as it is."""
    places.copy(1).data.write_bytes(content)
    code, text = output(box, box.runner("acme"))
    assert code == 4
    assert "cannot be opened" in text
    assert places.copy(1).data.read_bytes() == content


@pytest.mark.parametrize(
    "tail",
    [
        b"\xff" * 30,
        b"0123456789" * 40,
        # It looks like an unfinished commit, of the year 5000.
        bytes.fromhex("60" * 8) + struct.pack(">QcHHH", 23, b"c", 0, 0, 0) + b"x" * 90,
    ],
    ids=["no commit", "no commit, long", "of another time"],
)
def test_bytes_that_are_no_commit_are_not_served(box, places, tail):
    """What FileStorage would cut off, and take its TID for the last, is refused."""
    data = places.copy(1).data
    with data.open("ab") as stream:
        stream.write(tail)
    before = data.read_bytes()
    code, text = output(box, box.runner("acme"))
    assert code == 4
    assert "there is no transaction at byte" in text
    assert "zeoctl restore" in text
    assert data.read_bytes() == before


@pytest.mark.parametrize("tail", ["torn", "zeros"])
def test_what_a_crash_left_of_a_commit_is_cut_off(box, places, tail):
    """The database ends with its last commit, also for who asks the server."""
    copy = places.copy(1)
    before = datafs.end_of(copy.data)
    with database(copy.data, copy.blobs) as db:
        put(db, "x", 1)
    rest = copy.data.read_bytes()[before.position : -9] if tail == "torn" else bytes(99)
    os.truncate(copy.data, before.position)
    copy.index.unlink()
    with copy.data.open("ab") as stream:
        stream.write(rest)
    _, status = serve(box)
    assert (status.position, status.tid) == (before.position, before.tid)
    assert copy.cut_off(0).read_bytes() == rest
    assert datafs.end_of(copy.data) == before
    with box.client("acme") as db:
        put(db, "x", 2)


def test_a_link_to_a_database_is_refused(box, places):
    """What could never be backed up is not served, and status says so."""
    data = places.copy(1).data
    data.rename(box.root / "Data.fs")
    data.symlink_to(box.root / "Data.fs")
    code, text = output(box, box.runner("acme"))
    assert code == 3
    assert "is a symbolic link" in text
    assert "is a symbolic link" in " ".join(report(box.storage("acme"))["problems"])


def test_a_database_that_lost_commits_is_refused(box, places):
    """A Data.fs older than the state knows it to be is not served."""
    state = box.state("acme")
    later = dataclasses.replace(state.copy(1), adopted_tid="ff" * 8)
    states.save(places, state.with_copy(later))
    code, text = output(box, box.runner("acme"))
    assert code == 4
    assert "but had" in text


def test_wrong_additional_configuration_is_told(box):
    """What ZEO does not understand is an error that names the option to correct."""
    box.declare("acme", zeo_conf_additional="no-such-key 1")
    box.write()
    code, text = output(box, box.runner("acme"))
    assert code == 2
    assert "zeo-conf-additional" in text


def test_two_servers_of_one_side_do_not_both_serve(box, places):
    """The second one ends with 5 and names the first; the first goes on."""
    first, _ = serve(box)
    code, text = output(box, box.runner("acme"))
    assert code == 5
    assert f"process {first.pid}" in text
    assert control.status(places, "a").pid == first.pid


def test_two_sides_do_not_both_serve_one_copy(box, places):
    """FileStorage's lock keeps the other side out, with a clear message."""
    serve(box)
    states.save(places, box.state("acme").with_serving("b", 1))
    runner = box.runner("acme", "b")
    assert runner.wait(30) == 5
    assert "has" in places.output("b").read_text()
    with box.client("acme") as db:
        put(db, "x", 1)


def test_something_else_at_the_address_is_left_alone(box, places):
    """A file at the socket's place is not removed; the server refuses to start."""
    places.run.mkdir()
    places.socket("a").write_text("precious")
    code, _ = output(box, box.runner("acme"))
    assert code == 3
    assert places.socket("a").read_text() == "precious"


def test_a_stale_socket_hinders_nothing(box):
    """After kill -9 the next server starts, and clients come back by themselves."""
    runner, _ = serve(box)
    with box.client("acme") as db:
        put(db, "x", 1)
        runner.kill()
        runner.wait(20)
        _, status = serve(box)
        assert status.pid != runner.pid
        assert get(db, "x") == 1


def test_ending_saves_the_index(box, places):
    """SIGTERM ends with 0, keeps what was committed, and saves the index."""
    runner, _ = serve(box)
    places.copy(1).index.unlink()
    with box.client("acme") as db:
        fill(db)
        runner.terminate()
        assert runner.wait(20) == 0
    assert places.copy(1).index.is_file()
    assert not places.control("a").exists()
    assert not places.socket("a").exists()


def test_logs_are_opened_anew(box, places):
    """After SIGUSR2 a rotated log is not written to any more."""
    runner, _ = serve(box)
    places.log("a").rename(places.log("a").with_suffix(".1"))
    runner.send_signal(signal.SIGUSR2)
    eventually(places.log("a").is_file)
    assert runner.poll() is None


_CONNECT = """
import socket, sys
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
    print("connected")
except OSError as error:
    print(type(error).__name__)
"""


def connect_as_nobody(path, *groups):
    """Return what happens when an unprivileged user connects."""
    system_python = shutil.which("python3", path="/usr/bin:/bin")
    if os.getuid() != 0 or system_python is None:
        pytest.skip("needs root, and a Python that everybody may run")
    done = subprocess.run(
        [system_python, "-c", _CONNECT, path],
        user=NOBODY,
        group=NOBODY,
        extra_groups=groups,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    return done.stdout.strip()


def test_nobody_else_can_connect(box, places):
    """Another user reaches neither the clients' socket nor the control socket."""
    box.root.chmod(0o755)
    serve(box)
    assert stat.S_IMODE(places.socket("a").stat().st_mode) == 0o600
    assert stat.S_IMODE(places.control("a").stat().st_mode) == 0o600
    assert stat.S_IMODE(places.control("a").parent.stat().st_mode) == 0o700
    places.run.chmod(0o755)  # the socket itself must keep strangers out, too
    assert connect_as_nobody(places.socket("a")) == "PermissionError"
    assert connect_as_nobody(places.control("a")) == "PermissionError"


def test_members_of_the_group_can_connect(make_box):
    """With socket-group its members reach the clients' socket, and only that."""
    box = make_box("acme", socket_group="games")
    box.make_copy("acme")
    box.root.chmod(0o755)
    serve(box)
    places = box.storage_places("acme")
    assert stat.S_IMODE(places.run.stat().st_mode) == 0o750
    assert connect_as_nobody(places.socket("a"), "games") == "connected"
    assert connect_as_nobody(places.socket("a")) == "PermissionError"
    assert connect_as_nobody(places.control("a"), "games") == "PermissionError"


def test_the_control_socket_may_have_a_long_path(make_box):
    """Paths longer than a Unix socket's 107 bytes are reached all the same."""
    box = make_box("a" * 100)
    name = "a" * 100
    box.declare(name, addresses=box.tcp_addresses())
    box.write()
    box.make_copy(name)
    box.runner(name)
    assert eventually(lambda: control.status(box.storage_places(name), "a")).copy == 1


def test_a_client_that_goes_away_in_the_middle_does_no_harm(box, places):
    """Half a message, or nonsense, ends one connection and nothing else."""
    serve(box)
    for sent in (b"", b"\0\0\0\5Z", b"\xff" * 64, b"\0\0\0\2Z5\0\0\0\4ruok"):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(places.socket("a")))
            peer.sendall(sent)
    with box.client("acme") as db:
        put(db, "x", 1)
    eventually(lambda: not control.status(places, "a").clients)
