"""Starting, stopping and restarting servers with zeoctl, and what status tells."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from support.waiting import eventually
from support.zeoservers import put

from karl.recipe.release.base.locks import locked
from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.databases.state import Status
from karl.recipe.zeoserver.declaration.model import Tls
from karl.recipe.zeoserver.operations.status import report
from karl.recipe.zeoserver.servers import control, processes, supervisor
from karl.recipe.zeoserver.servers.logs import Follower
from karl.recipe.zeoserver.servers.outputs import Failure, Output


def status(box, name="acme", *words):
    """Return what ``zeoctl status`` tells of a storage."""
    return report(box.storage(name), copies="--copies" in words)


def problems(box, name="acme"):
    """Return the problems of a storage as one text, without that of backups."""
    found = status(box, name)["problems"]
    return " ".join(each for each in found if "no backup" not in each)


@pytest.fixture
def started(box):
    """A database server whose one storage was started by zeoctl."""
    box.zeoctl("start", "acme")
    return box


def test_restarting_under_load(started):
    """Clients wait and go on by themselves; only what is just being asked may fail."""
    load = started.load("acme", readers=2, writers=1, pause=0.02)
    load.wait(10)
    before = status(started)["servers"][0]["pid"]
    started.zeoctl("restart", "acme")
    load.wait(10, "read")
    load.wait(10, "write")
    done = load.stop()
    assert status(started)["servers"][0]["pid"] != before
    failed = [each for each in done if each["error"]]
    assert {each["error"] for each in failed} <= {"ClientDisconnected"}
    assert len({(each["kind"], each["thread"]) for each in failed}) == len(failed)


def test_start_stop_and_status(box):
    """Each verb leaves what its name says, and can be repeated."""
    assert "supervisord does not run" in problems(box)
    for _ in range(2):
        box.zeoctl("start", "acme")
        assert problems(box) == ""
    found = status(box)
    assert found["servers"][0]["serves"]
    assert found["live"]["number"] == 1
    for _ in range(2):
        box.zeoctl("stop", "acme")
        assert "does not run (STOPPED)" in problems(box)
    assert status(box)["live"]["tid"] == found["live"]["tid"]
    box.zeoctl("start", "acme", "--dry-run")
    assert "does not run" in problems(box)
    box.zeoctl("restart", "acme")
    told = box.run("restart", "acme")
    assert "stopping the server of acme on side a ..." in told.stderr
    assert "served anew" in told.stdout
    assert problems(box) == ""
    box.zeoctl("stop", "--all", "--supervisor")
    assert not box.pids()
    assert "supervisord does not run" in problems(box)
    box.zeoctl("stop", "--all", "--supervisor")


def test_supervisor_is_for_all(box):
    """--supervisor without --all is refused, as it would stop other storages."""
    box.zeoctl("stop", "acme", "--supervisor", code=2)


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "1e9"])
def test_a_server_has_some_time_to_start(box, seconds):
    """A bound in which none could answer is refused before anything is done."""
    box.zeoctl("restart", "acme", "--timeout", seconds, code=2)
    box.zeoctl("serve", "acme", "1", "--timeout", seconds, code=2)
    assert not box.pids()


def test_a_storage_in_need_hides_no_other(make_box):
    """Each storage is told of, whatever state the others are in."""
    box = make_box("acme", "bare", "broken", "gone", "unserved")
    for name in ("acme", "broken", "gone"):
        box.make_copy(name)
    box.make_copy("unserved", side=None)
    box.storage_places("gone").copy(1).data.unlink()
    box.storage_places("broken").state.write_text("{")
    found = box.zeoctl("status", "--copies")["storages"]
    told = {name: " ".join(each["problems"]) for name, each in found.items()}
    assert "zeoctl init bare" in told["bare"]
    assert "does not describe the copies" in told["broken"]
    assert "Data.fs is missing" in told["gone"]
    assert "zeoctl serve unserved 1" in told["unserved"]
    assert found["acme"]["live"]["size"] > 0
    text = box.run("status").stdout
    assert all(name in text for name in found)
    assert "copy 1" in box.run("status", "acme").stdout


def test_status_tells_what_is_not_as_it_should_be(started):
    """Another copy, another mode, an interrupted or running command: all is told."""
    places = started.storage_places("acme")
    control.set_mode(places, "a", read_only=True, bound=1)
    assert "should be writable" in problems(started)
    started.make_copy("acme", 2, side=None, status=Status.READY, source=1)
    state = started.state("acme")
    states.save(places, state.without_copy(2))
    assert "databases/2 is not known" in problems(started)
    states.save(places, state.with_serving("a", 2))
    assert "serves database copy 1, but should serve 2" in problems(started)
    states.save(places, state)
    control.set_mode(places, "a", read_only=False, bound=1)
    places.journal.write_text('{"event": "begin", "verb": "stage"}\n')
    assert "stage did not end" in problems(started)
    with locked(places.lock, "stage a copy"):
        assert status(started)["doing"].startswith("stage a copy")
        assert problems(started) == ""
    started.zeoctl("start", "acme")
    assert problems(started) == ""


def test_a_hung_server_is_told(started, monkeypatch):
    """A server that is stopped dead does not hang status."""
    monkeypatch.setattr("karl.recipe.zeoserver.operations.serverstatus._PATIENCE", 0.2)
    pid = control.status(started.storage_places("acme"), "a").pid
    os.kill(pid, signal.SIGSTOP)
    try:
        found = report(started.storage("acme"))
        assert "does not answer" in " ".join(found["problems"])
        assert not found["servers"][0]["serves"]
    finally:
        os.kill(pid, signal.SIGCONT)


def test_another_copy_is_served_by_a_new_process(started):
    """Applying a state that has another copy on a side restarts its server."""
    places = started.storage_places("acme")
    storage = started.storage("acme")
    started.zeoctl("stop", "acme")
    started.make_copy("acme", 2, status=Status.READY, source=1)
    started.zeoctl("start", "acme")
    assert control.status(places, "a").copy == 2
    states.save(places, started.state("acme").with_serving("a", 1))
    processes.apply_programs(
        started.central, "acme", started.state("acme"), storage.reporter
    )
    found = processes.wait_until_serving(started.central, "acme", "a", 1)
    assert found.copy == 1
    states.save(places, started.state("acme").with_serving("a", None))
    processes.apply_programs(
        started.central, "acme", started.state("acme"), storage.reporter
    )
    assert control.status(places, "a") is None
    assert not supervisor.states(started.central)


def test_logs_and_the_client_configuration(started):
    """logs shows the last lines; client-conf prints what a client needs."""
    found = started.zeoctl("logs", "acme", "-n", "1")["storages"]["acme"]["logs"]
    assert [len(lines) for lines in found.values()] == [1, 0]
    assert "serving database copy 1" in started.run("logs", "acme").stdout
    conf = started.zeoctl("client-conf", "acme")["storages"]["acme"]
    assert conf["database"] == "acme-1"
    assert conf["zodb_conf"] == started.run("client-conf", "acme").stdout
    started.zeoctl("client-conf", "acme", "--copy", "7", code=3)
    started.zeoctl("logs", "--follow", code=2)


@pytest.fixture
def interruptible():
    """A shell lets what it runs in the background, and all below, ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_following_shows_what_is_added(started):
    """--follow goes on through a rotation, until it is interrupted."""
    log = started.storage_places("acme").log("a")
    follower = Follower(log)
    with log.open("a") as stream:
        stream.write("one\ntw")
    assert list(follower.lines()) == ["one"]
    with log.open("a") as stream:
        stream.write("o\n")
    assert list(follower.lines()) == ["two"]
    log.rename(log.with_suffix(".1"))
    assert list(follower.lines()) == []
    log.write_text("three\n")
    assert list(follower.lines()) == ["three"]
    following = subprocess.Popen(
        [started.places.zeoctl, "logs", "acme", "-f"],
        stdout=subprocess.PIPE,
        text=True,
    )
    with following:
        assert following.stdout.readline().startswith("==>")
        following.send_signal(signal.SIGINT)
        following.stdout.read()
    assert following.returncode == 0


def test_verbs_for_modes(started):
    """read-only and writable work by name, for all, and by rehearsal."""
    found = started.zeoctl("read-only", "--all")["storages"]["acme"]
    assert (found["mode"], found["served"]) == ("read-only", True)
    assert started.zeoctl("writable", "acme", "--dry-run")["storages"]["acme"]["plan"]
    assert status(started)["live"]["mode"] == "read-only"
    started.zeoctl("writable", "acme", "--copy", "1")
    with started.client("acme") as db:
        put(db, "x", 1)
    started.zeoctl("read-only", "acme", "--bound", "-1", code=2)
    started.zeoctl("read-only", "acme", "--copy", "9", code=3)
    started.zeoctl("read-only", code=2)


def test_servers_are_not_started_as_somebody_else(make_box):
    """Where a user is declared, nobody else starts supervisord by mistake."""
    box = make_box("acme", user="games")
    box.make_copy("acme")
    found = box.zeoctl("start", "acme", code=3)["storages"]["acme"]["error"]
    assert "The servers run as games" in found["message"]
    assert not box.pids()


def test_why_a_server_does_not_start_is_told_once(box):
    """The reason comes at once, and without those of the attempts before."""
    missing = str(box.root / "key.pem")
    box.declare("acme", addresses=box.tcp_addresses(), tls=Tls(missing, "", ""))
    box.write()
    places = box.storage_places("acme")
    box.runner("acme").wait()
    error = box.zeoctl("start", "acme", code=8)["storages"]["acme"]["error"]
    assert error["message"] == (
        "The server of acme on side a does not serve copy 1: "
        f"{missing} is missing, which TLS of acme needs."
    )
    assert error["next"] == "Put it there; zeoctl certificate can make one."
    assert places.output("a").read_text().count(missing) < 8
    eventually(lambda: f"{missing} is missing" in problems(box))


def test_an_unforeseen_end_of_a_server_is_told(tmp_path):
    """Of what is no error of ours the last lines are told."""
    output = Output(tmp_path / "zeo-a.out")
    output.path.write_text("error: an error\nnext: a tip\nexit code: 4\n")
    assert (output.failure(), output.lines()[-1]) == (Failure("an error", "a tip"), "4")
    old = Output(output.path)
    assert (old.failure(), old.last()) == (None, Failure("an error", "a tip"))
    with output.path.open("a") as stream:
        stream.write("Traceback\n" + "error: an error\nexit code: 4\n" * 2)
    assert old.failure() == Failure("an error", "", lasting=True)
    with output.path.open("a") as stream:
        stream.write("error: a\nb\nnext: c\nerror: no software\nnext: make it\nx\n")
    assert old.failure() == Failure("no software", "make it")
    output.path.write_text("Traceback\n")
    assert (old.failure(), old.last(), old.lines()) == (None, None, "Traceback")


def test_stop_ends_what_a_dead_supervisord_left(started):
    """After stop nothing has the database open, or stop says what has."""
    places = started.storage_places("acme")
    os.kill(int(started.places.supervisor_pid.read_text()), signal.SIGKILL)
    eventually(lambda: not supervisor.runs(started.central))
    with locked(places.serving_lock("b"), "serve and answer nobody"):
        error = started.zeoctl("stop", "acme", code=6)["storages"]["acme"]["error"]
    assert f"process {os.getpid()} " in error["message"]
    assert not started.pids()


def test_what_was_kept_of_a_state_takes_its_place(started):
    """Without state.json the servers can be looked at and stopped, and it put back."""
    places = started.storage_places("acme")
    text = places.state.read_text()
    for harm in (places.state.unlink, lambda: places.state.write_text("{")):
        harm()
        told = problems(started)
        assert f"cp {places.kept_state} {places.state}" in told
        started.zeoctl("init", "acme", code=4)
        told = started.zeoctl("stop", "acme")["storages"]["acme"]
        assert "still damaged" in told["text"]
        assert control.status(places, "a") is None
        assert not places.state.exists() or places.state.read_text() == "{"
        subprocess.run(["cp", places.kept_state, places.state], check=True)
        assert places.state.read_text() == text
        started.zeoctl("start", "acme")
        assert problems(started) == ""


@pytest.mark.parametrize("verb", ["start", "restart"])
def test_supervisord_that_dies_is_started_anew(started, verb):
    """After supervisord's death its servers go on, and either verb takes them over."""
    places = started.storage_places("acme")
    os.kill(int(started.places.supervisor_pid.read_text()), signal.SIGKILL)
    eventually(lambda: not supervisor.runs(started.central))
    orphan = control.status(places, "a").pid
    assert "supervisord does not run" in problems(started)
    with started.client("acme") as db:
        put(db, "x", 1)
        started.zeoctl(verb, "acme")
        assert problems(started) == ""
        assert control.status(places, "a").pid != orphan
        put(db, "x", 2)
