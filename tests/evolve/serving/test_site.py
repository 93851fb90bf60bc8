"""The processes of a site, for real: supervisord, gunicorn, small releases."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from support import httpload
from support.servedsites import make_current, serving
from support.waiting import eventually

from karl.recipe.evolve.declaration.model import Address
from karl.recipe.release.base.waiting import has_ended

#: Real processes of a site, started again and again.
pytestmark = pytest.mark.slow


@contextlib.contextmanager
def load(site):
    """Ask the site without a pause; give what is known at the end."""
    end = site.root / "end"
    command = [
        sys.executable, httpload.__file__,
        str(site.declared.serving.address.port), str(end),
    ]  # fmt: skip
    found = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield found
        finally:
            end.touch()
            output, _ = process.communicate(timeout=30)
            end.unlink()
    found.update(json.loads(output))


def pids(found):
    return [each["pid"] for each in found["workers"]]


def test_an_address_that_another_program_has(site):
    """The site is not started where another listens, and that is said in a line."""
    address = site.declared.serving.address
    with socket.create_server((address.host, address.port)):
        refused = site.run("start")
    assert refused.returncode == 1
    assert f"cannot listen on {address}: another program does." in refused.stderr
    assert "Traceback" not in refused.stderr
    site.do("start")


def test_a_life(site):
    """A site is started, told of, restarted and stopped, each more than once."""
    assert site.run("status").returncode == 1
    assert site.do("stop")["changed"] is False
    assert site.do("restart", "--if-running")["workers"] == []
    assert site.run("status").returncode == 1
    started = site.do("start")
    assert [each["number"] for each in started["workers"]] == [1, 2]
    assert pids(site.do("start")) == pids(started)
    told = site.do("status")
    assert told["running"]
    assert told["current"] == 1
    assert pids(told) == pids(started)
    assert all(each["healthy"] and each["revision"] == 1 for each in told["workers"])
    assert site.ask()[1]["pid"] in pids(started)
    os.kill(pids(started)[0], signal.SIGKILL)
    eventually(lambda: site.run("status").returncode == 0)
    assert pids(site.do("status"))[0] != pids(started)[0]
    before = pids(site.do("status"))
    after = pids(site.do("restart"))
    assert not {*before} & {*after}
    assert site.do("stop")["changed"] is True
    eventually(lambda: all(map(has_ended, after)))
    assert site.run("status").returncode == 1
    with pytest.raises(ConnectionRefusedError):
        site.ask()


def test_no_request_fails_while_the_release_changes(running):
    """A rolling restart onto another release, under load: nobody notices."""
    with load(running) as found:
        eventually(lambda: running.ask()[0] == 200)
        make_current(running.root, 2)
        done = running.do("restart")
        make_current(running.root, 1)
        running.do("restart")
    assert {each["revision"] for each in done["workers"]} == {2}
    assert found["wrong"] == []
    assert found["answers"]["1.0"] > 20
    assert found["answers"]["1.1"] > 20


def test_requests_in_flight_are_answered(running):
    """A request that takes its time is answered by the process that it reached."""
    with load(running) as found:
        connections = []
        for _ in range(4):
            connection = running.connect()
            connection.request("GET", "/slow")
            connections.append(connection)
        running.do("restart")
        for connection in connections:
            with connection.getresponse() as reply:
                assert json.loads(reply.read())["release"] == "1.0"
            connection.close()
    assert found["wrong"] == []


@pytest.mark.parametrize("kind", ["broken", "ill"])
def test_a_release_that_does_not_work(running, kind):
    """The restart ends with the first process that does not come up."""
    declared = dataclasses.replace(running.declared.timeouts, start=3.0)
    running.declared = dataclasses.replace(running.declared, timeouts=declared)
    running.ensure()
    before = pids(running.do("status"))
    trouble = running.root / f"{kind}-1.1"
    trouble.touch()
    make_current(running.root, 2)
    with load(running) as found:
        done = running.run("restart", "--json")
        told = json.loads(running.run("status", "--json").stdout)
        make_current(running.root, 1)
        again = running.do("restart")
    assert done.returncode == 6
    error = json.loads(done.stdout)["error"]
    assert "Process 1 of the site did not come up" in error["message"]
    if kind == "broken":
        assert "this release is broken" in error["next"]
    assert pids(told)[1] == before[1]
    assert told["workers"][1]["healthy"]
    assert told["workers"][1]["outdated"]
    assert not told["workers"][0]["healthy"]
    assert {each["revision"] for each in again["workers"]} == {1}
    assert [line for line in found["wrong"] if not line.startswith("500")] == []


def test_modes_in_all_processes(running):
    """A mode holds for every process from the moment that the command has ended."""
    for _ in range(3):
        for mode, status in (("read-only", 503), ("normal", 200)):
            assert running.do("mode", mode)["mode"] == mode
            answers = [running.ask("/", "POST")[0] for _ in range(12)]
            assert answers == [status] * 12
            assert running.ask("/")[0] == 200
    changed = running.do("mode", "maintenance", "--message", "x", "--retry-after", "9")
    assert changed["before"] == "normal"
    assert running.do("mode")["message"] == "x"
    status, told = running.ask("/", Accept="application/json")
    assert status == 503
    assert told == {"error": "maintenance", "message": "x", "retry_after": 9}
    assert running.ask("/healthz")[0] == 200
    assert running.run("status").returncode == 0
    running.do("restart")
    assert running.ask("/")[0] == 503
    assert running.do("mode", "maintenance")["changed"] is True
    assert running.do("mode", "maintenance")["changed"] is False
    running.places.mode.write_text("nonsense")
    assert running.ask("/")[0] == 200
    assert running.ask("/", "POST")[0] == 503
    assert running.do("mode")["problem"]


def test_a_refusal_of_the_database(running):
    """An error that says that the database is read-only is no server error."""
    assert running.ask("/write", "POST")[0] == 503


def test_an_application_finds_its_own(running):
    """Nothing of ours is to be seen by the application."""
    assert running.ask("/modules") == (200, [])


def test_a_unix_socket(site, place):
    """A site can listen on a Unix socket, which restarts leave alone."""
    site.change(address=Address(path=str(place / "site.sock")))
    site.do("start")
    assert site.ask()[0] == 200
    for _ in range(2):
        site.do("restart")
        assert site.ask()[0] == 200


def test_two_at_once(running):
    """Two commands never start and stop processes at the same time."""
    command = [running.places.site_command, "restart", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as one:
        lock = running.places.control_lock
        eventually(lambda: lock.exists() and "restart" in lock.read_text())
        other = running.run("stop")
        one.communicate(timeout=60)
    assert one.returncode == 0
    assert other.returncode == 5


def test_after_a_changed_address(running):
    """What a restart cannot bring about is told; stop and start do."""
    running.change(workers=3)
    done = running.run("restart")
    assert done.returncode == 0
    assert "stop and" in done.stderr
    running.do("stop")
    assert len(running.do("start")["workers"]) == 3


def test_a_supervisor_that_is_missing(site):
    """Where there is no supervisord, it is said what can be done."""
    site.change(supervisord="/nowhere/supervisord")
    done = site.run("start", "--json")
    assert done.returncode == 7
    assert "process-control = systemd" in json.loads(done.stdout)["error"]["next"]


def test_a_killed_supervisor(running):
    """What a killed supervisord left is ended, by a start as by a stop."""
    for verb in ("start", "stop"):
        left = pids(running.do("status"))
        os.kill(int(running.places.supervisor_pid.read_text()), signal.SIGKILL)
        assert running.ask()[0] == 200
        assert running.run("status").returncode == 1
        done = running.run(verb)
        assert done.returncode == 0, done.stderr
        assert "supervisord was killed" in done.stderr
        eventually(lambda left=left: all(map(has_ended, left)))
    assert running.run("status").returncode == 1


def test_an_odd_place(place, software):
    """A root of blanks and other letters is as good as any."""
    with serving(place / "a b&$c ü" / "acme-prod", software) as site:
        site.do("start")
        assert site.ask()[0] == 200
        site.do("restart")
        assert site.do("try", "2")["status"] == 200


def test_nothing_is_current(site):
    """Without a live revision no process comes up, and it is said why."""
    site.places.current.unlink()
    timeouts = dataclasses.replace(site.declared.timeouts, start=3.0)
    site.declared = dataclasses.replace(site.declared, timeouts=timeouts)
    site.ensure()
    done = site.run("start", "--json")
    assert done.returncode == 6
    assert "switch-version" in json.loads(done.stdout)["error"]["next"]


def test_a_release_without_gunicorn(site):
    """A release that lacks gunicorn says so."""
    release = site.places.release("1.0")
    (release.site_packages / "software.pth").unlink()
    done = site.run("try", "1", "--json")
    assert done.returncode == 1
    assert "cannot import gunicorn" in json.loads(done.stdout)["error"]["next"]


def sockets(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_trial(site):
    """A revision is tried without being live, and nothing is left of that."""
    found = site.do("try", "2")
    assert found["status"] == 200
    assert found["body"]["release"] == "1.1"
    assert found["release"] == "1.1"
    assert site.do("try", "1", "--path", "/other")["body"]["revision"] == "1"
    site.do("mode", "maintenance")
    assert site.do("try", "2", "--path", "/other")["status"] == 200
    assert sockets(site.places.run) == []
    (site.root / "ill-1.1").touch()
    done = site.run("try", "2", "--json")
    assert done.returncode == 1
    assert "status 500" in json.loads(done.stdout)["error"]["message"]
    (site.root / "broken-1.1").touch()
    done = site.run("try", "2", "--json")
    assert done.returncode == 1
    assert "this release is broken" in json.loads(done.stdout)["error"]["next"]
    assert site.run("try", "7").returncode == 3
    assert sockets(site.places.run) == []


def test_a_killed_trial(site):
    """A trial that is killed takes its process with it; the next one tidies up."""
    (site.places.run / ".try-4194305").mkdir()
    command = [site.places.site_command, "try", "2", "--path", "/slow"]
    with subprocess.Popen(command) as process:
        folder = site.places.trial_folder(str(process.pid))
        eventually(lambda: folder.is_dir() and any(folder.iterdir()))
        process.kill()
    site.do("try", "2")
    eventually(lambda: sockets(site.places.run) == [])


@pytest.mark.parametrize(
    "words",
    [
        (), ("mode", "open"), ("try",), ("try", "0"), ("try", "x"),
        ("mode", "--message", "x"), ("mode", "normal", "--retry-after", "0"),
        ("inhibit", "--wait", "-1"), ("restart", "now"), ("run-if-normal",),
        ("run-if-normal", "--"), ("run-if-normal", "--colour"),
    ],
)  # fmt: skip
def test_wrong_usage(still, words):
    """What cannot be meant is refused."""
    assert still.run(*words).returncode == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_another_users_site(still):
    """Root leaves no files in a site that belongs to somebody else."""
    os.chown(still.root, 12345, -1)
    for words in (["mode", "normal"], ["start"], ["run-if-normal", "--", "true"]):
        done = still.run(*words)
        assert done.returncode == 3
        assert "belongs to 12345" in done.stderr
    assert still.run("mode").returncode == 0
    os.chown(still.root, 0, -1)
    declared = dataclasses.replace(still.declared.serving, user="nobody")
    declared = dataclasses.replace(still.declared, serving=declared)
    still.places.declaration.write_text(declared.to_text())
    assert "runs as nobody" in still.run("start").stderr


def test_a_copied_site(still, place):
    """A command that was copied with its site does not touch the original."""
    import shutil

    shutil.copytree(still.root, place / "copy", symlinks=True)
    done = subprocess.run(
        [place / "copy" / "bin" / "site", "mode", "maintenance", "--json"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["exit"] == 3
    assert still.do("mode")["mode"] == "normal"
