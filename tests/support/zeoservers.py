"""A database server to test with: real supervisord, real servers, real clients."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import transaction
import ZODB.config
from BTrees.OOBTree import OOBTree
from persistent.mapping import PersistentMapping
from support.waiting import eventually
from ZODB.blob import Blob
from ZODB.DB import DB

from karl.recipe.release.base.reporter import SilentReporter
from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.databases.state import CopyState, Status, StorageState
from karl.recipe.zeoserver.declaration.model import (
    Address,
    Central,
    ClientSettings,
    StorageDeclaration,
)
from karl.recipe.zeoserver.layouts.storage import StorageLayout
from karl.recipe.zeoserver.operations.storage import Storage
from karl.recipe.zeoserver.rendering import clientconf, supervisorconf

ROOT = Path(__file__).parents[2]
SOURCES = sorted(str(path) for path in (ROOT / "src").glob("*/src"))
LOAD = Path(__file__).with_name("zeoload.py")

_SCRIPT = """\
#!{python}
import sys
sys.path[:0] = {sources!r}
{body}
"""
_BODIES = {
    "zeoctl": """\
from karl.recipe.zeoserver.commands.zeoctl import main
sys.exit(main({root!r}))""",
    "zeo-runner": """\
from karl.recipe.zeoserver.servers.runner import main
sys.exit(main({root!r}, sys.argv[1:]))""",
    "zeo-supervise": """\
from supervisor.supervisord import main
main(["-n", "-c", {conf!r}, *sys.argv[1:]])""",
}


class Box:
    """A database server at a short path, with the code of the checkout.

    :param storages: names; :meth:`declare` changes their declarations.
    :param root: the folder; default: a new one, which is removed at the end.
    :param central: ``user`` and ``socket_group``.
    """

    def __init__(
        self, *storages: str, root: Path | None = None, **central: str
    ) -> None:
        self.root = root or Path(tempfile.mkdtemp(prefix="z", dir="/tmp"))
        self.loads: list[Load] = []
        self.runners: list[subprocess.Popen[bytes]] = []
        self.central = Central(str(self.root), "zeo-central", **central)
        self.places = self.central.places
        for name in storages:
            self.declare(name)
        self.write()

    # What is declared.

    def declare(self, name: str, **changes: Any) -> StorageDeclaration:
        """Declare a storage with Unix sockets, or change a declaration."""
        places = self.central.places.storage(name)
        found = self.central.storages.get(name) or StorageDeclaration(
            name,
            {side: Address(path=str(places.socket(side))) for side in "ab"},
            ClientSettings(str(self.root / "client")),
        )
        found = dataclasses.replace(found, **changes)
        self.central = dataclasses.replace(
            self.central, storages={**self.central.storages, name: found}
        )
        return found

    def tcp_addresses(self) -> dict[str, Address]:
        """Return two addresses on this machine that nobody listens on now."""
        with contextlib.ExitStack() as held:
            sockets = {side: held.enter_context(socket.socket()) for side in "ab"}
            for each in sockets.values():
                each.bind(("127.0.0.1", 0))
            return {
                side: Address(host="127.0.0.1", port=each.getsockname()[1])
                for side, each in sockets.items()
            }

    def write(self) -> None:
        """Write the declaration, supervisord's configuration and the commands."""
        self.places.etc.mkdir(parents=True, exist_ok=True)
        self.places.bin.mkdir(exist_ok=True)
        self.places.logs.mkdir(parents=True, exist_ok=True)
        self.places.programs.mkdir(exist_ok=True)
        (self.root / "client").mkdir(exist_ok=True)
        self.places.declaration.write_text(self.central.to_text())
        self.places.supervisord_conf.write_text(
            supervisorconf.render_daemon(self.central)
        )
        for name, body in _BODIES.items():
            path = self.places.bin / name
            path.write_text(
                _SCRIPT.format(
                    python=sys.executable,
                    sources=SOURCES,
                    body=body.format(
                        root=str(self.root), conf=str(self.places.supervisord_conf)
                    ),
                )
            )
            path.chmod(0o755)

    def storage(self, name: str) -> Storage:
        """Return a storage as operations take it."""
        return Storage(self.central, name, SilentReporter())

    def storage_places(self, name: str) -> StorageLayout:
        """Return the places of a storage."""
        return self.central.storage_places(name)

    def state(self, name: str) -> StorageState:
        """Return what is true of a storage's copies."""
        return states.load(self.storage_places(name))

    # Databases without the operations that make them.

    def make_copy(
        self,
        name: str,
        number: int = 1,
        *,
        side: str | None = "a",
        status: Status = Status.LIVE,
        read_only: bool = False,
        source: int | None = None,
    ) -> None:
        """Make a database copy, empty or of *source*'s files, and say it is served."""
        places = self.storage_places(name)
        copy = places.copy(number)
        if source is not None:
            shutil.copytree(places.copy(source).root, copy.root)
        else:
            copy.blobs.mkdir(parents=True)
            places.databases.chmod(0o700)
            with database(copy.data, copy.blobs):
                pass
        state = self.state(name).with_copy(
            CopyState(number, status, "init", time.time(), read_only=read_only)
        )
        if side is not None:
            state = state.with_serving(side, number)
        states.save(places, state)

    # Commands and processes.

    def run(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run ``zeoctl`` and return how it ended."""
        return subprocess.run(
            [self.places.zeoctl, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            **options,
        )

    def zeoctl(self, *words: str, code: int = 0) -> Any:
        """Run ``zeoctl --json``, expect an exit code, and return the document."""
        done = self.run(*words, "--json")
        assert done.returncode == code, f"{done.args}: {done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    def runner(
        self, name: str, side: str = "a", **options: Any
    ) -> subprocess.Popen[bytes]:
        """Start the server of a side without supervisord."""
        places = self.storage_places(name)
        places.logs.mkdir(parents=True, exist_ok=True)
        with places.output(side).open("ab") as output:
            self.runners.append(
                subprocess.Popen(
                    [self.places.runner, name, side],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    **options,
                )
            )
        return self.runners[-1]

    def pids(self) -> list[int]:
        """Return every process whose command line names this server's root."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                mine = any(str(self.root).encode() + b"/" in word for word in words)
                if mine and int(folder.name) != os.getpid():
                    found.append(int(folder.name))
        return found

    def end(self) -> None:
        """End all processes, and remove everything."""
        for load in self.loads:
            load.kill()
        # At once: supervisord takes seconds to end, and would start servers anew.
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(self.places.supervisor_pid.read_text()), signal.SIGKILL)
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            for runner in self.runners:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    runner.wait(10)
            with contextlib.suppress(AssertionError):
                eventually(lambda: not self.pids(), seconds=10)
        shutil.rmtree(self.root, ignore_errors=True)

    # Clients.

    def client_conf(self, name: str, number: int | None = None, **settings: Any) -> str:
        """Return the ``zodb.conf`` for a copy (default: live).

        :param settings: of :class:`ClientSettings`, instead of the declared.
        """
        state = self.state(name)
        if number is None:
            assert state.live
            number = state.live.number
        declared = self.central.storages[name]
        client = dataclasses.replace(declared.client, **settings)
        central = dataclasses.replace(
            self.central,
            storages={name: dataclasses.replace(declared, client=client)},
        )
        side = state.side_of(number)
        assert side, f"copy {number} is not served"
        return clientconf.render(central, name, number, side)

    @contextlib.contextmanager
    def client(
        self, name: str, number: int | None = None, **settings: Any
    ) -> Iterator[DB]:
        """Give an open database of a real client; it is closed at the end."""
        db = ZODB.config.databaseFromString(self.client_conf(name, number, **settings))
        try:
            yield db
        finally:
            db.close()

    def load(
        self,
        name: str,
        number: int | None = None,
        *,
        readers: int = 2,
        writers: int = 2,
        **options: Any,
    ) -> Load:
        """Start a process that reads and writes all the time.

        :param options: ``blobs``, ``pause`` (seconds), and :class:`ClientSettings`.
        """
        own = {key: options.pop(key) for key in ("blobs", "pause") if key in options}
        folder = self.root / "client" / f"load-{len(self.loads)}"
        folder.mkdir()
        conf = folder / "zodb.conf"
        conf.write_text(
            self.client_conf(name, number, **{"folder": str(folder), **options})
        )
        load = Load(conf, readers=readers, writers=writers, **own)
        self.loads.append(load)
        return load


class Load:
    """A client process: readers and writers, each operation logged.

    :param conf: its ``zodb.conf``.
    :param blobs: writers store a blob each time, too.
    :param pause: seconds of each thread between two operations.
    """

    def __init__(
        self,
        conf: Path,
        *,
        readers: int = 2,
        writers: int = 2,
        blobs: bool = False,
        pause: float = 0.002,
    ) -> None:
        self.output = conf.with_name("operations.jsonl")
        self.errors = conf.with_name("errors.txt")
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [
                    sys.executable, LOAD, conf, self.output, str(readers),
                    str(writers), str(int(blobs)), str(pause),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )  # fmt: skip

    def operations(self) -> list[dict[str, Any]]:
        """Return what was done so far.

        Each has ``kind`` (``read`` or ``write``), ``start`` and ``end`` (epoch
        seconds), ``ms``, ``error`` (class, or None), ``thread``; a write that
        succeeded has ``tid`` and ``count``.
        """
        try:
            lines = self.output.read_text().split("\n")[:-1]
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines]

    def wait(self, count: int = 5, kind: str = "", *, error: str | None = None) -> None:
        """Wait for that many more operations of a kind that end so.

        :param kind: ``read`` or ``write``; empty: every kind that there is.
        :param error: the class of the error; None: they succeed.
        """
        start = time.time()

        def enough() -> bool:
            assert self.process.poll() is None, self.errors.read_text()
            found = [
                each
                for each in self.operations()
                if each["start"] >= start
                and kind in {"", each["kind"]}
                and each["error"] == error
            ]
            return len(found) >= count

        eventually(enough, f"no {count} operations {kind} with {error}")

    def stop(self) -> list[dict[str, Any]]:
        """End it cleanly and return all that it did."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(60)
        return self.operations()

    def kill(self) -> None:
        """End it at once, if it runs."""
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def database(data: Path, blobs: Path) -> Iterator[DB]:
    """Give a database that no server serves; for preparing and for looking."""
    from ZODB.FileStorage import FileStorage

    db = DB(FileStorage(str(data), blob_dir=str(blobs)))
    try:
        yield db
    finally:
        db.close()


def fill(
    db: DB, objects: int = 20, blobs: int = 0, size: int = 200, key: str = "things"
) -> str:
    """Add objects and blobs in one transaction; return its TID in hexadecimal."""
    with db.transaction() as connection:
        root = connection.root()
        things = root.setdefault(key, OOBTree())
        start = len(things)
        for number in range(start, start + objects):
            things[f"thing-{number}"] = PersistentMapping(
                {"number": number, "text": os.urandom(size // 2).hex()}
            )
        for number in range(blobs):
            blob = things[f"blob-{start}-{number}"] = Blob()
            with blob.open("w") as stream:
                stream.write(os.urandom(size) + b"blob")
    return str(db.lastTransaction().hex())


def put(db: DB, key: str, value: Any) -> str:
    """Set one key of the root in one transaction; return its TID in hexadecimal."""
    with db.transaction() as connection:
        connection.root()[key] = value
    return str(db.lastTransaction().hex())


def get(db: DB, key: str, default: Any = None) -> Any:
    """Return one key of the root as of now."""
    manager = transaction.TransactionManager()
    connection = db.open(manager)
    try:
        return connection.root().get(key, default)
    finally:
        manager.abort()
        connection.close()


@contextlib.contextmanager
def boxes() -> Iterator[Callable[..., Box]]:
    """Give a maker of boxes; all are ended at the end.

    In a conftest: ``@pytest.fixture`` over ``def box(): with boxes() as make: yield
    make``.
    """
    made: list[Box] = []

    def make(*storages: str, **options: Any) -> Box:
        made.append(Box(*storages, **options))
        return made[-1]

    try:
        yield make
    finally:
        for each in made:
            each.end()
