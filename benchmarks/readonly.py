"""Ways to make a database read-only for a while, with clients at work.

Both serve the same kind of database to the same kind of clients: ours in place,
and the ordinary one by a new start of the server with ``read-only true``.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.central import DatabaseServer
from benchmarks.databases import Database
from benchmarks.programs import COMMANDS, ProgramError, environment

_PATIENCE = 60.0

_CONF = """\
<zeo>
  address {host}:{port}
  read-only {mode}
</zeo>
<filestorage {name}>
  path {database.data}
  blob-dir {database.blobs}
</filestorage>
"""


class Way(Protocol):
    """A server that can be made read-only, and writable again."""

    @property
    def address(self) -> tuple[str, int]:
        """Where clients find it."""

    @property
    def storage_name(self) -> str:
        """What clients call the storage."""

    def serving(self) -> contextlib.AbstractContextManager[None]:
        """Serve meanwhile."""

    def set_mode(self, *, read_only: bool) -> float:
        """Change the mode, to the end; return the seconds it took."""


@dataclass(frozen=True)
class InPlace:
    """``zeoctl read-only`` and ``zeoctl writable``."""

    server: DatabaseServer

    @property
    def address(self) -> tuple[str, int]:
        """Where clients find it."""
        return self.server.address

    @property
    def storage_name(self) -> str:
        """What clients call the storage."""
        return self.server.storage_name

    def serving(self) -> contextlib.AbstractContextManager[None]:
        """Serve meanwhile."""
        return self.server.serving()

    def set_mode(self, *, read_only: bool) -> float:
        """Run the verb."""
        return self.server.zeoctl("read-only" if read_only else "writable").seconds


class ByRestart:
    """``runzeo``, ended and started again with another configuration."""

    storage_name = "1"

    def __init__(self, database: Database, folder: Path, home: Path) -> None:
        self._database = database
        self._folder = folder
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.address: tuple[str, int] = listener.getsockname()

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Serve meanwhile."""
        self.start(read_only=False)
        try:
            yield
        finally:
            self.stop()

    def set_mode(self, *, read_only: bool) -> float:
        """End the server, start it again, wait until it listens."""
        start = time.perf_counter()
        self.stop()
        self.start(read_only=read_only)
        return time.perf_counter() - start

    def start(self, *, read_only: bool) -> None:
        """Start the server, and wait until it listens."""
        host, port = self.address
        conf = self._folder / "zeo.conf"
        conf.write_text(
            _CONF.format(
                host=host,
                port=port,
                mode="true" if read_only else "false",
                name=self.storage_name,
                database=self._database,
            ),
            encoding="utf-8",
        )
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [COMMANDS / "runzeo", "-C", conf],
                env=environment(self._home),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._wait(self._process)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(self.address).close()
                return
            if process.poll() is not None or time.monotonic() > deadline:
                said = (self._folder / "output").read_text(encoding="utf-8")
                raise ProgramError(f"runzeo does not serve:\n{said}")
            time.sleep(0.01)

    def stop(self) -> None:
        """End the server."""
        if self._process:
            self._process.terminate()
            self._process.wait(_PATIENCE)
            self._process = None
