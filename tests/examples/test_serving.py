"""karl-serve: where it listens and which revision it serves."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


def ask(connection: http.client.HTTPConnection) -> int:
    """The status of /healthz, once there is an answer."""
    for _ in range(150):
        try:
            connection.request("GET", "/healthz")
            with connection.getresponse() as reply:
                return reply.status
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    return 0


@pytest.mark.parametrize(
    "bind", ["0.0.0.0:8080", "[::]:8080", ":8080", "192.0.2.1:80", "example.org:80"]
)
def test_strangers(releases, filled, bind):
    """It refuses an address that other machines can reach."""
    done = releases["karl-3.30"].run(
        "serve", "--revision", filled.folder, "--config", filled.config,
        "--bind", bind, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "is open to strangers" in done.stderr


def test_unix_socket(releases, filled, tmp_path):
    """It listens on a Unix socket."""
    release, path = releases["karl-3.30"], tmp_path / "socket"
    command = release.command(
        "serve", "--revision", filled.folder, "--config", filled.config,
        "--bind", f"unix:{path}",
    )  # fmt: skip
    with subprocess.Popen(
        command, env=release.environment, stderr=subprocess.DEVNULL
    ) as process:
        assert ask(UnixConnection(path)) == 200
        process.terminate()
        assert process.wait(30) == 0


def test_inherited_socket(releases, filled):
    """It serves from a socket that it inherits, and leaves it open for the next."""
    release = releases["karl-3.30"]
    command = release.command(
        "serve", "--revision", filled.folder, "--config", filled.config,
        "--bind", "fd://0",
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for _ in range(2):
            with subprocess.Popen(
                command,
                env=release.environment,
                stdin=listener.fileno(),
                stderr=subprocess.DEVNULL,
            ) as process:
                connection = http.client.HTTPConnection(*listener.getsockname())
                assert ask(connection) == 200
                connection.close()
                process.terminate()
                assert process.wait(30) == 0


@pytest.fixture
def site(releases, filled, tmp_path):
    """A site's folder: a release, two revisions, current and the ini file."""
    root = tmp_path / "site"
    prefix = root / "releases" / "1.0"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True
    )
    for number in ("1", "2"):
        copied = filled.copy(root / "revisions" / number)
        (copied.folder / "release").symlink_to("../../releases/1.0")
    (root / "current").symlink_to("revisions/1")
    (root / "etc").mkdir()
    shutil.copy(filled.config, root / "etc" / "site.ini")
    return root


def test_current_is_resolved_once(site, releases):
    """Without options it serves current, and stays there when current moves on."""
    release = releases["karl-3.30"]
    libraries = next((release.python.parents[1] / "lib").glob("python*/site-packages"))
    environment = release.environment
    environment["PYTHONPATH"] += os.pathsep + str(libraries)
    python = site / "current" / "release" / "bin" / "python"
    path = site / "socket"
    command = [str(python), "-m", "karl.intranet.commands.serve"]
    with subprocess.Popen(
        [*command, "--bind", f"unix:{path}"],
        env=environment,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert ask(UnixConnection(path)) == 200
        (site / "next").symlink_to("revisions/2")
        (site / "next").rename(site / "current")
        worker = re.findall(r"\d+", children(process.pid))[0]
        os.kill(int(worker), signal.SIGTERM)  # gunicorn starts another one
        time.sleep(1)
        assert ask(UnixConnection(path)) == 200
        worker = re.findall(r"\d+", children(process.pid))[0]
        files = Path(f"/proc/{worker}/fd")
        opened = {os.readlink(link) for link in files.iterdir() if link.is_symlink()}
        assert str(site / "revisions" / "1" / "Data.fs") in opened
        assert str(site / "revisions" / "2" / "Data.fs") not in opened
        process.terminate()
        process.wait(30)


def children(pid: int) -> str:
    """The processes that the process ``pid`` has started."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


def test_what_is_missing(releases, filled, tmp_path):
    """A missing revision or ini file is named, with what to do."""
    release = releases["karl-3.30"]
    done = release.run("serve", "--revision", tmp_path / "no", check=False)
    assert done.returncode == 2
    assert "has no zodb.conf" in done.stderr
    done = release.run(
        "serve", "--revision", filled.folder, "--config", tmp_path / "no.ini",
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--sample-config" in done.stderr
    filled.config.write_text("[app:main]\nuse = egg:karl.intranet#main\n"
                             "[server:main]\nport = 1\n")  # fmt: skip
    done = release.run(
        "serve", "--revision", filled.folder, "--config", filled.config, check=False
    )
    assert done.returncode == 2
    assert "[server:main]" in done.stderr


def test_sample_config(releases, serve, filled):
    """The sample configuration is one that works."""
    release = releases["karl-3.30"]
    filled.config.write_text(release.run("serve", "--sample-config").stdout)
    with serve(release, filled) as browser:
        assert "KARL Intranet" in browser.get("/").text
