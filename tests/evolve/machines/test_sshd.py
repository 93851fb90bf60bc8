"""The server of ssh that other tests use is a real one."""

from __future__ import annotations

import subprocess

import pytest
from support import sshd
from support.waiting import eventually

pytestmark = pytest.mark.skipif(bool(sshd.missing()), reason=sshd.missing())


@pytest.fixture
def server(tmp_path):
    """Return a server that runs."""
    with sshd.running(tmp_path / "ssh") as found:
        yield found


def ssh(conf, *words):
    """Run a command through ssh."""
    return subprocess.run(
        ["ssh", "-F", conf, "there", *words],
        capture_output=True, text=True, check=False, timeout=30,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_a_command_is_run_and_its_status_returned(server):
    """Output, errors and the exit code come back, for whoever has a key."""
    done = ssh(server.client(), "echo out; echo err >&2; exit 7")
    assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 7)


def test_strangers_are_refused(server, tmp_path):
    """Another key is refused, and nothing is asked on a terminal."""
    conf = server.client()
    sshd.make_key(tmp_path / "stranger")
    other = tmp_path / "stranger.conf"
    key = server.folder / "client"
    other.write_text(conf.read_text().replace(f"{key}\n", f"{tmp_path}/stranger\n"))
    done = ssh(other, "true")
    assert done.returncode == 255
    assert "Permission denied" in done.stderr


def test_a_connection_that_is_cut(server, tmp_path):
    """The client ends with 255 at once; what was begun on the other side goes on."""
    conf, mark = server.client(), tmp_path / "mark"
    child = subprocess.Popen(
        ["ssh", "-F", conf, "there", f"echo begun; sleep 1; touch {mark}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with child:
        assert child.stdout
        assert child.stdout.readline() == b"begun\n"
        assert server.cut()
        assert child.wait(10) == 255
    eventually(mark.exists)
    assert ssh(conf, "true").returncode == 0


def test_a_server_that_is_stopped_and_started(server):
    """It is away, and comes back at the same address with the same key."""
    conf = server.client()
    server.stop()
    assert ssh(conf, "true").returncode == 255
    server.start()
    assert ssh(conf, "true").returncode == 0


def test_a_forced_command(server):
    """Whatever is asked for, what the key's options say is run."""
    options = 'restrict,command="echo forced: $SSH_ORIGINAL_COMMAND"'
    done = ssh(server.client("forced", options=options), "rm", "-rf", "'a b'")
    assert done.stdout == "forced: rm -rf 'a b'\n"
