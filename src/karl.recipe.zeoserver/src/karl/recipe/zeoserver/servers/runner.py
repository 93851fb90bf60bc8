"""``zeo-runner STORAGE SIDE``: serves the copy that the state says, until told to end.

What it refuses, it refuses with exit code 3: supervisord does not try that again.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zc.lockfile
from ZEO.runzeo import ZEOServer
from ZODB.POSException import POSError, StorageError

from karl.recipe.release.base import files
from karl.recipe.release.base.command import Parser, guarded
from karl.recipe.release.base.console import Console
from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.base.locks import locked
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.layouts.central import CentralLayout
from karl.recipe.zeoserver.layouts.storage import SIDES, StorageLayout
from karl.recipe.zeoserver.servers import controlled, outputs, tasks
from karl.recipe.zeoserver.servers.zeo import Server

_logger = logging.getLogger(__name__)

#: The most seconds that commits in flight have to end when the server is stopped.
_DRAIN = 5.0


def main(root: str, argv: Sequence[str]) -> int:
    """Serve what *argv* names of the database server at *root*; return an exit code."""
    console = Console()
    code = guarded(
        lambda: _run(CentralLayout(Path(root)), argv), console, as_json=False
    )
    if code:
        console.line(f"{outputs.CODE}{code}")
    return code


def _run(places: CentralLayout, argv: Sequence[str]) -> int:
    parser = Parser(prog="zeo-runner", description=__doc__.partition("\n")[0])
    parser.add_argument("storage", metavar="STORAGE", help="which storage")
    parser.add_argument("side", metavar="SIDE", choices=SIDES, help="a or b")
    args = parser.parse_args(list(argv))
    central = Central.load(places)
    if args.storage not in central.storages:
        raise RefusedError(
            f"There is no storage {args.storage}.",
            "Storages are declared in the buildout of the database server.",
        )
    return serve(central, args.storage, args.side)


def serve(central: Central, name: str, side: str) -> int:
    """Serve a storage on one side until told to end; return an exit code.

    :raises RefusedError: there is nothing to serve.
    :raises BusyError: another process serves it.
    :raises DamagedError: the database cannot be opened.
    """
    places = central.storage_places(name)
    places.control(side).parent.mkdir(mode=0o700, exist_ok=True)
    with locked(places.serving_lock(side), f"serve {name} on side {side}"):
        task = tasks.decide(central, name, side)
        prepare_sockets(central, places)
        files.make_directory(places.logs)
        # Logs may be rotated while a large database is being read.
        for number in (signal.SIGUSR2, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        runner = Runner(task, tasks.options_of(task))
        runner.main()
        return runner.status


def prepare_sockets(central: Central, places: StorageLayout) -> None:
    """Make the folder of the storage's Unix sockets, for those who may connect."""
    if places.run.is_dir():
        return
    places.run.mkdir(mode=0o700)
    if central.socket_group:
        controlled.open_to_group(places.run, central.socket_group)
        places.run.chmod(0o750)


class Runner(ZEOServer):  # type: ignore[misc]  # ZEO has no types
    """One server process.

    :ivar server: None until the database is open.
    :ivar status: the exit code.
    """

    server: Server | None

    def __init__(self, task: tasks.Task, options: Any) -> None:
        super().__init__(options)
        self.task = task
        self.status = 0
        self._control: Any = None

    def make_pidfile(self) -> None:
        """Make none: supervisord knows its processes."""

    def remove_pidfile(self) -> None:
        """Remove none."""

    def check_socket(self) -> None:
        """Check that nobody else listens.

        :raises RefusedError: somebody does, or a file of another kind is there.
        """
        address = self.options.address
        if self.can_connect(self.options.family, address):
            raise RefusedError(
                f"Something else listens on {self._address} already.",
                "Stop it, or declare another address and run the buildout again.",
            )
        if (
            isinstance(address, str)
            and os.path.lexists(address)
            and not stat.S_ISSOCK(os.lstat(address).st_mode)
        ):
            raise RefusedError(
                f"{address} is there, and it is no socket.",
                "Move it away, or declare another address.",
            )

    def open_storages(self) -> None:
        """Open the database; its lock file keeps everybody else out."""
        try:
            super().open_storages()
        except zc.lockfile.LockError:
            raise tasks.taken(self.task) from None
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM}:
                raise
            raise tasks.damaged(self.task, error) from None
        except (POSError, StorageError, ValueError) as error:
            raise tasks.damaged(self.task, repr(error)) from None
        self._check_age()

    def _check_age(self) -> None:
        """Refuse a database that lacks commits which are known to have been made."""
        (storage,) = self.storages.values()
        known = max(self.task.copy.tid, self.task.copy.adopted_tid)
        found = storage.lastTransaction().hex()
        if found < known:
            storage.close()
            raise tasks.damaged(
                self.task, f"it ends with transaction {found}, but had {known}"
            )

    def create_server(self) -> None:
        """Listen to clients and to zeoctl."""
        options, task = self.options, self.task
        with controlled.only_ours():
            try:
                self.server = Server(
                    options.address,
                    self.storages,
                    refusing=task.copy.read_only,
                    client_conflict_resolution=options.client_conflict_resolution,
                    msgpack=bool(options.msgpack),
                    invalidation_queue_size=options.invalidation_queue_size,
                    invalidation_age=options.invalidation_age,
                    transaction_timeout=options.transaction_timeout,
                    ssl=options.ssl,
                )
            except OSError as error:
                raise RefusedError(
                    f"Nobody can listen on {self._address}: {error}.",
                    "Correct the address in the buildout.",
                ) from None
        if isinstance(options.address, str) and task.central.socket_group:
            controlled.open_to_group(Path(options.address), task.central.socket_group)
        (storage,) = self.storages.values()
        controller = controlled.Controller(
            self.server, storage, task.copy.number, task.copy_places
        )
        self._control = self.server.event_loop.run_until_complete(
            controlled.serve(
                controller, controlled.listening(task.places.control(task.side))
            )
        )
        _logger.info("serving database copy %s of %s", task.copy.number, task.name)

    @property
    def _address(self) -> str:
        return str(self.task.central.storages[self.task.name].addresses[self.task.side])

    def loop_forever(self) -> None:
        """Serve until told to end."""
        super().loop_forever()
        assert self.server is not None  # noqa: S101  # made before
        self.status = self.server.status

    def close_server(self) -> None:
        """Close the storages; the index of each is saved."""
        self.task.places.control(self.task.side).unlink(missing_ok=True)
        if self.server is not None:
            self.server.finish()

    def handle_sigterm(self) -> None:
        """End, once the loop comes to it: never in the middle of a commit."""
        if self.server is None:
            raise SystemExit(0)
        bound = min(_DRAIN, self.task.central.storages[self.task.name].drain_timeout)
        self.server.event_loop.call_soon_threadsafe(self.server.leave, 0, bound)

    handle_sigint = handle_sigterm

    def handle_sigusr2(self) -> None:
        """Open the logs anew, as after their rotation."""
        if self.server is None:
            super().handle_sigusr2()
        else:
            reopen = super().handle_sigusr2
            self.server.event_loop.call_soon_threadsafe(reopen)

    handle_sighup = handle_sigusr2

    def setup_signals(self) -> None:
        """Set up the signals that have a method."""
        super().setup_signals()
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
