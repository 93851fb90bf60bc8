"""A site whose releases are small, and real enough for gunicorn to serve them."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

from support.pooled import pooled
from support.ports import free_port

from karl.recipe.evolve.declaration.model import (
    Address,
    Serving,
    SiteDeclaration,
    Timeouts,
)
from karl.recipe.evolve.installation.install import ensure
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.payload import base_interpreter
from karl.recipe.release.base.reporter import SilentReporter
from karl.recipe.release.base.unixhttp import Connection

SUPERVISORD = Path(sys.executable).with_name("supervisord")

#: What the servers of a release need, and the index that says which bytes.
SOFTWARE = ("gunicorn", "pastedeploy")
INDEX = "acme/1.1"

#: The application of every release.  What it does is asked for by the path.
APPLICATION = """
import json
import os
import time


class ReadOnlyError(Exception):
    __module__ = "ZODB.POSException"
    __qualname__ = "ReadOnlyError"


def main(global_conf, **settings):
    if os.path.exists(os.path.join(global_conf["root"], "broken-" + RELEASE)):
        raise RuntimeError("this release is broken")

    def application(environ, start_response):
        path = environ["PATH_INFO"]
        status = "200 OK"
        if path == "/write":
            raise ReadOnlyError("no")
        if path == "/slow":
            time.sleep(1.0)
        if path == "/healthz" and os.path.exists(
            os.path.join(global_conf["root"], "ill-" + RELEASE)
        ):
            status = "500 Internal Server Error"
        if path == "/modules":
            import sys

            found = sorted(n for n in sys.modules if n.split(".")[0] == "karl")
        else:
            found = {
                "release": RELEASE,
                "revision": os.path.basename(global_conf["revision"]),
                "site": global_conf["site"],
                "pid": os.getppid(),
                "method": environ["REQUEST_METHOD"],
            }
        body = json.dumps(found).encode()
        start_response(status, [
            ("Content-Type", "application/json"), ("Content-Length", str(len(body))),
        ])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return application
"""

INI = """
[app:main]
paste.app_factory = sampleapp:main
"""


def unpacked(folder: Path) -> Path:
    """Unpack what servers need, once."""
    if not folder.is_dir():
        partial = folder.with_name(f"{folder.name}-{os.getpid()}")
        for wheel in pooled(folder.with_name(f"{folder.name}-pool"), INDEX, SOFTWARE):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(partial)
        with contextlib.suppress(OSError):
            partial.rename(folder)
    return folder


def add_release(root: Path, version: str, software: Path) -> None:
    """Make a release of the sample application."""
    release = SiteLayout(root).release(version)
    release.site_packages.mkdir(parents=True)
    release.interpreter.parent.mkdir()
    release.interpreter.symlink_to(base_interpreter())
    home = Path(base_interpreter()).parent
    release.environment.write_text(f"home = {home}\n")
    (release.site_packages / "software.pth").write_text(f"{software}\n")
    (release.site_packages / "sampleapp.py").write_text(
        f"RELEASE = {version!r}\n{APPLICATION}"
    )
    release.bin.mkdir()
    python = release.bin / "python"
    python.write_text(f'#!/bin/sh\nexec {release.interpreter} -E -s "$@"\n')
    python.chmod(0o755)
    release.manifest.write_text("{}")


def add_revision(root: Path, number: int, version: str) -> None:
    """Make a revision of a release."""
    revision = SiteLayout(root).revision(number)
    revision.root.mkdir(parents=True)
    revision.release.symlink_to(f"../../releases/{version}")


def make_current(root: Path, number: int) -> None:
    """Point ``current`` to a revision."""
    link = SiteLayout(root).current
    partial = link.with_name("partial")
    partial.symlink_to(f"revisions/{number}")
    partial.rename(link)


def declare(root: Path, **serving: Any) -> SiteDeclaration:
    """Return a site with two processes on a free port."""
    given = {
        "address": Address(host="127.0.0.1", port=free_port()),
        "application": str(SiteLayout(root).application_config),
        "supervisord": str(SUPERVISORD),
        **serving,
    }
    timeouts = Timeouts(start=20.0, stop=5.0, health=5.0)
    return SiteDeclaration(
        str(root), root.name, "", (), Serving(**given), timeouts=timeouts
    )


class ServedSite:
    """A site with the releases 1.0 and 1.1, as revisions 1 and 2; 1 is current."""

    def __init__(self, root: Path, software: Path, **serving: Any) -> None:
        self.root = root
        self.declared = declare(root, **serving)
        self.places = self.declared.places
        for number, version in enumerate(("1.0", "1.1"), 1):
            add_release(root, version, software)
            add_revision(root, number, version)
        make_current(root, 1)
        config = self.places.site.application_config
        config.parent.mkdir()
        config.write_text(dedent(INI))
        self.ensure()

    def ensure(self) -> None:
        """Do what the recipe does."""
        ensure(self.declared, None, SilentReporter())

    def change(self, **serving: Any) -> None:
        """Declare something else."""
        changed = dataclasses.replace(self.declared.serving, **serving)
        self.declared = dataclasses.replace(self.declared, serving=changed)
        self.ensure()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``bin/site``."""
        return subprocess.run(
            [self.places.site_command, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def do(self, *words: str) -> Any:
        """Run ``bin/site`` and return its result."""
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection to the site."""
        address = self.declared.serving.address
        if address.path:
            return Connection(Path(address.path), 10)
        return http.client.HTTPConnection(address.host, address.port, timeout=10)

    def ask(self, path: str = "/", method: str = "GET", **headers: str) -> Any:
        """Return the status and what the site answers."""
        connection = self.connect()
        with contextlib.closing(connection):
            connection.request(method, path, headers=headers)
            with connection.getresponse() as reply:
                content = reply.read()
        with contextlib.suppress(ValueError):
            return reply.status, json.loads(content)
        return reply.status, content.decode()


@contextlib.contextmanager
def serving(root: Path, software: Path, **options: Any) -> Iterator[ServedSite]:
    """Give a site, and stop it at the end."""
    site = ServedSite(root, software, **options)
    try:
        yield site
    finally:
        if site.places.supervisor_socket.exists():
            done = site.run("stop")
            assert done.returncode == 0, done.stderr


def remove(root: Path) -> None:
    """Remove a site."""
    shutil.rmtree(root, ignore_errors=True)
