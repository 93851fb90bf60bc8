"""A site to upgrade with everything that it has: processes, visitors, databases."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.ports import free_port
from support.servedsites import INI, SUPERVISORD
from support.sites import make_release
from support.upgrades import SITE_PACKAGES, Site
from support.zeoservers import Box

from karl.recipe.evolve.declaration.model import (
    Address,
    Serving,
    SiteDeclaration,
    Timeouts,
)
from karl.recipe.evolve.installation.install import ensure
from karl.recipe.release.base.reporter import SilentReporter

APPLICATION = """
import json
import os

import transaction
import ZODB.config
from acme import VERSION
from ZODB.POSException import ConflictError


def begin(db):
    # An empty database gets its first data, as they are in this version.
    try:
        with db.transaction() as connection:
            root = connection.root()
            if not root:
                root["evolved"] = VERSION
                root["repoze.evolution"] = {"acme": VERSION}
    except ConflictError:
        pass


def main(global_conf, **settings):
    with open(os.path.join(global_conf["revision"], "zodb.conf")) as stream:
        db = ZODB.config.databaseFromFile(stream)
    begin(db)

    def work(environ):
        manager = transaction.TransactionManager()
        connection = db.open(manager)
        try:
            root = connection.root()
            if environ["REQUEST_METHOD"] == "POST":
                root[environ["PATH_INFO"]] = 1
                manager.commit()
            found = {"evolved": root.get("evolved", 0), "release": RELEASE}
            return found, found["evolved"] == VERSION
        finally:
            manager.abort()
            connection.close()

    def application(environ, start_response):
        for attempt in range(5):
            try:
                found, fits = work(environ)
                break
            except ConflictError:
                if attempt == 4:
                    raise
        ill = environ["PATH_INFO"] == "/healthz" and os.path.exists(
            os.path.join(global_conf["root"], "ill-" + RELEASE)
        )
        body = json.dumps(found).encode()
        start_response(
            "200 OK" if fits and not ill else "500 Internal Server Error",
            [("Content-Type", "application/json"), ("Content-Length", str(len(body)))],
        )
        return [body]

    return application
"""


class ServedUpgrade(Site):
    """As :class:`Site`, with real processes, commands as they are generated, and load.

    :param software: where gunicorn and PasteDeploy are unpacked.
    """

    def __init__(self, box: Box, software: Path, *, new: bool = False) -> None:
        self.software = software
        super().__init__(box, new=new)

    def _make(self, version: str, modules: dict[str, str]) -> None:
        folders = [str(self.software), *SITE_PACKAGES]
        app = f"RELEASE = {version!r}\n{APPLICATION}"
        extra = {"sampleapp.py": app, "software.pth": "\n".join(folders) + "\n"}
        make_release(self.layout, version, modules={**modules, **extra}, python=True)

    def _write_commands(self) -> None:
        config = self.layout.application_config
        config.write_text(INI)
        self.declared = SiteDeclaration(
            root=str(self.root),
            name="acme-prod",
            storage=self.storage,
            zeo_command=(str(self.box.places.zeoctl),),
            serving=Serving(
                Address(host="127.0.0.1", port=free_port()),
                application=str(config),
                supervisord=str(SUPERVISORD),
            ),
            timeouts=Timeouts(start=30.0, stop=5.0, health=10.0),
        )
        ensure(self.declared, None, SilentReporter())

    def change(self, **changes: Any) -> None:
        """Declare something else."""
        self.declared = dataclasses.replace(self.declared, **changes)
        ensure(self.declared, None, SilentReporter())

    def ask(self, path: str, method: str = "GET") -> int:
        """Return the status with which the site answers."""
        address = self.declared.serving.address
        connection = http.client.HTTPConnection(address.host, address.port, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, headers={"Connection": "close"})
            reply = connection.getresponse()
            reply.read()
            return reply.status

    @contextlib.contextmanager
    def visited(self) -> Iterator[Visits]:
        """Have visitors read and write while the body runs."""
        visits = Visits(self)
        try:
            yield visits
        finally:
            visits.end()

    def check_sealed(self) -> None:
        """Assert that no byte was written into a release, not even by root.

        These releases bring no bytecode: whatever imports from them would write it.
        """
        typed = [self.layout.bin / "evolve-run", "--status", "--zodb-conf"]
        conf = self.layout.revision(self.switch("--list")["current"]).zodb_conf
        subprocess.run([*typed, conf], check=True, capture_output=True)
        found = self.switch("--verify", "--all")
        assert found["intact"], found

    def stop(self) -> None:
        """Stop the processes."""
        subprocess.run([self.layout.bin / "site", "stop", "--json"], check=False)


class Visits:
    """What visitors do, and how they are answered.

    :ivar reads: statuses and seconds.
    :ivar writes: paths with their statuses.
    :ivar failures: what had no answer at all.
    """

    def __init__(self, site: ServedUpgrade) -> None:
        self.site = site
        self.reads: list[tuple[int, float]] = []
        self.writes: list[tuple[str, int]] = []
        self.failures: list[str] = []
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._loop, args=(action,))
            for action in (self._read, self._write)
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Let them go."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _loop(self, action: Any) -> None:
        number = 0
        while not self._ended.wait(0.02):
            number += 1
            try:
                action(number)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))

    def _read(self, number: int) -> None:
        start = time.monotonic()
        status = self.site.ask("/")
        self.reads.append((status, time.monotonic() - start))

    def _write(self, number: int) -> None:
        path = f"/w{len(self.writes)}"
        self.writes.append((path, self.site.ask(path, "POST")))
