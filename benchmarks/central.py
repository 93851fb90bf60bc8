"""The one module that imports karl.recipe.zeoserver: a database server of ours."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks import verbs
from benchmarks.databases import Database
from benchmarks.programs import ROOT, ProgramError, environment
from benchmarks.verbs import Done
from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.databases.state import CopyState, Status, StorageState
from karl.recipe.zeoserver.declaration.model import (
    Address,
    Central,
    ClientSettings,
    StorageDeclaration,
    storage_name,
)
from karl.recipe.zeoserver.layouts.copy import CopyLayout
from karl.recipe.zeoserver.layouts.storage import StorageLayout
from karl.recipe.zeoserver.servers import control

_STORAGE = "bench"
_SIDE = "a"
_LIVE = 1
_PATIENCE = 60.0

_RUNNER = """\
import sys
from karl.recipe.zeoserver.servers.runner import main
sys.exit(main(sys.argv[1], sys.argv[2:]))
"""


@dataclass(frozen=True)
class DatabaseServer:
    """A database server with one storage, without supervisord.

    :ivar root: its folder.
    :ivar home: of its processes.
    :ivar address: where the storage is served: host and port.
    """

    root: Path
    home: Path
    address: tuple[str, int]

    @cached_property
    def _central(self) -> Central:
        host, port = self.address
        # Nothing listens on the second address.
        sides = {_SIDE: Address(host=host, port=port), "b": Address(host=host, port=1)}
        client = ClientSettings(str(self.root / "client"))
        declared = StorageDeclaration(_STORAGE, sides, client, keep=1000)
        return Central(str(self.root), "bench", storages={_STORAGE: declared})

    @property
    def _places(self) -> StorageLayout:
        return self._central.storage_places(_STORAGE)

    @property
    def storage_name(self) -> str:
        """What ZEO clients call the live copy."""
        return storage_name(_STORAGE, _LIVE)

    @property
    def live(self) -> Database:
        """The live copy."""
        return _database(self._places.copy(_LIVE))

    def staged(self) -> Database:
        """Return the copy that is staged."""
        return _database(self._places.copy(self._staged))

    @property
    def _staged(self) -> int:
        (copy,) = states.load(self._places).staged
        return copy.number

    def begin(self) -> Path:
        """Make all folders, and return the one that the live copy belongs in."""
        places = self._central.places
        for folder in (places.etc, places.programs, places.bin, places.logs):
            folder.mkdir(parents=True)
        places.declaration.write_text(self._central.to_text(), encoding="utf-8")
        root = self._places.copy(_LIVE).root
        root.mkdir(parents=True)
        self._places.logs.mkdir()
        copy = CopyState(_LIVE, Status.LIVE, "import", time.time())
        states.save(self._places, StorageState({_LIVE: copy}, {_SIDE: _LIVE}))
        return root

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Serve the live copy meanwhile."""
        argv = [sys.executable, "-c", _RUNNER, str(self.root), _STORAGE, _SIDE]
        with self._places.output(_SIDE).open("ab") as output:
            server = subprocess.Popen(
                argv,
                cwd=ROOT,
                env=environment(self.home),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            self._wait(server)
            yield
        finally:
            server.terminate()
            server.wait(_PATIENCE)

    def _wait(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while control.status(self._places, _SIDE) is None:
            if server.poll() is not None or time.monotonic() > deadline:
                said = self._places.output(_SIDE).read_text(encoding="utf-8")
                raise ProgramError(f"the server does not serve:\n{said}")
            time.sleep(0.05)

    def zeoctl(self, verb: str, *options: str) -> Done:
        """Run a verb of zeoctl for the storage."""
        return verbs.run(self.root, verb, _STORAGE, *options, home=self.home)

    def catch_up(self) -> Done:
        """Catch up the copy that is staged."""
        return self.zeoctl("catch-up", str(self._staged))

    def retire_staged(self) -> None:
        """Retire the copy that is staged; its files stay."""
        self.zeoctl("retire", str(self._staged))


def make(root: Path, home: Path) -> DatabaseServer:
    """Return a server at *root*, at a port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
    return DatabaseServer(root, home, (host, port))


def _database(copy: CopyLayout) -> Database:
    return Database(copy.data, copy.blobs)
