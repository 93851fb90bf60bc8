"""ZEO's server, with what it lacks: going read-only in place, and clean endings.

A client is never told that the server is read-only: it may connect as a writer at
any time, so that it need not connect again when commits are accepted again.  What
is refused is a commit, and that when it votes: this is the first call of a commit
that the client waits for, so that it gets an error and keeps its connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

from ZEO.asyncio.server import Acceptor, Delay, ServerProtocol
from ZEO.StorageServer import StorageServer, ZEOStorage
from ZODB.POSException import ReadOnlyError

_logger = logging.getLogger(__name__)

#: Seconds in which the server, when it ends, waits for a client to fall silent.
_FAREWELL = 0.5

#: Seconds without a request: a good moment for closing a connection.  ZEO has no way
#: of telling a client that the server goes; what is just being sent is lost.
_SILENCE = 0.003

_REFUSED = "The database is read-only for the time being."


class Connection(ServerProtocol):  # type: ignore[misc]  # ZEO has no types
    """The connection of one client.

    :ivar since: when it was made, seconds since the epoch.
    :ivar asked: when the client asked for something last, in the loop's time.
    """

    since = 0.0
    asked = 0.0

    unlogged_exception_types = (
        *ServerProtocol.unlogged_exception_types,
        ReadOnlyError,
    )

    def connection_made(self, transport: Any) -> None:
        """Remember the connection."""
        self.since = time.time()
        super().connection_made(transport)
        self.zeo_storage.server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        storage = self.zeo_storage
        if storage is not None:
            storage.server.connections.discard(self)
        super().connection_lost(exc)

    def message_received(self, message: bytes) -> None:
        """Answer, and note when."""
        super().message_received(message)
        self.asked = self.loop.time()

    def close(self) -> None:
        """Close, and abort what the client was about to commit.

        ZEO itself leaves the commit, and the lock it holds, to nobody.
        """
        storage = self.zeo_storage
        super().close()
        if storage is not None:
            storage.server.connections.discard(self)
            if storage.connected:
                storage.notify_disconnected()


class Listener(Acceptor):  # type: ignore[misc]  # ZEO has no types
    """Accepts clients."""

    def factory(self) -> Connection:
        """Return a new connection."""
        handler = self.storage_server.create_client_handler()
        return Connection(self.event_loop, self.addr, handler, self.msgpack)


def _deferring(name: str) -> Callable[..., None]:
    """Return a part of a commit whose failure is told when the client votes.

    The client does not wait for its answer: all that ZEO could do is to cut it off,
    with all threads that read at the same time.
    """
    method = getattr(ZEOStorage, name)

    def deferring(self: Handler, *args: Any) -> None:
        if self.failure is None:
            try:
                method(self, *args)
            except OSError as error:
                self.failure = error

    return deferring


class Handler(ZEOStorage):  # type: ignore[misc]  # ZEO has no types
    """What one client asks for.

    :ivar refused: its commit began while the server was read-only.
    :ivar failure: why its commit cannot be made: a full disk.
    """

    refused = False
    failure: OSError | None = None
    server: Server
    blob_tempfile: tuple[int, str] | None

    @property
    def in_flight(self) -> bool:
        """A commit has begun that may still be made."""
        return self.transaction is not None and not self.refused

    def tpc_begin(self, *args: Any) -> None:
        """Begin a commit, and decide its fate."""
        self.failure = None
        _BEGIN(self, *args)
        self.refused = self.server.refusing

    def vote(self, tid: Any) -> Any:
        """Vote on a commit.

        :raises ReadOnlyError: the server is read-only.
        :raises OSError: the disk is full.
        """
        if self.refused and self.server.leaving:
            # Never answered: the client is disconnected, and tries again.
            return Delay()
        failure: Exception | None = self.failure
        if self.refused and self.transaction is not None:
            failure = ReadOnlyError(_REFUSED)
        if failure is not None:
            self.failure = None
            self._drop_blob()
            self.tpc_abort(tid)
            raise failure
        return super().vote(tid)

    def _vote(self, delay: Any = None) -> Any:
        try:
            return super()._vote(delay)
        except OSError:
            _shrink(self.storage)
            raise

    def tpc_finish(self, tid: Any) -> Any:
        """Make a commit lasting.

        A storage that failed to has closed its file: the server ends, and is
        started anew.
        """
        try:
            return super().tpc_finish(tid)
        except BaseException:
            if self.storage._file.closed:  # noqa: SLF001  # nothing public tells
                self.server.leave(1)
            raise

    def storeBlobChunk(self, chunk: bytes) -> None:  # noqa: N802  # ZEO's name
        """Take a part of a blob: all of it, which ZEO does not make sure."""
        rest = memoryview(chunk)
        try:
            while rest and self.blob_tempfile is not None:
                rest = rest[os.write(self.blob_tempfile[0], rest) :]
        except OSError as error:
            self.failure = self.failure or error

    def notify_disconnected(self) -> None:
        """Abort, and remove the blob that was being sent."""
        self._drop_blob()
        super().notify_disconnected()

    def pack(self, *args: Any, **options: Any) -> None:
        """Refuse: packing needs the storage's lock.

        :raises ReadOnlyError: always.
        """
        raise ReadOnlyError("Clients cannot pack this database; zeoctl pack does it.")

    def _clear_transaction(self) -> None:
        super()._clear_transaction()
        self.refused = False
        self.server.settled()

    def _drop_blob(self) -> None:
        if self.blob_tempfile is not None:
            descriptor, name = self.blob_tempfile
            self.blob_tempfile = None
            os.close(descriptor)
            with contextlib.suppress(OSError):
                os.unlink(name)


_BEGIN = _deferring("tpc_begin")
for _name in (
    "storea",
    "restorea",
    "deleteObject",
    "checkCurrentSerialInTransaction",
    "undoa",
    "storeBlobStart",
    "storeBlobEnd",
):
    setattr(Handler, _name, _deferring(_name))


def _shrink(storage: Any) -> None:
    """Give back the disk that a commit took which failed for want of room.

    FileStorage keeps its temporary file as large as it ever was.
    """
    file = storage._tfile  # noqa: SLF001  # nothing public gives it back
    with contextlib.suppress(OSError):
        os.ftruncate(file.fileno(), 0)
        file.seek(0)
        file.truncate()


class Server(StorageServer):  # type: ignore[misc]  # ZEO has no types
    """Serves one database copy.

    :param refusing: commits are refused from the beginning.
    :ivar status: the exit code that the process will end with.
    """

    def __init__(
        self, addr: Any, storages: dict[str, Any], *, refusing: bool, **options: Any
    ) -> None:
        self.refusing = refusing
        self.connections: set[Connection] = set()
        self.since = time.time()
        self.status = 0
        self._settled: list[asyncio.Future[None]] = []
        self._leaving: asyncio.Task[None] | None = None
        super().__init__(addr, storages, read_only=False, Acceptor=Listener, **options)

    def create_client_handler(self) -> Handler:
        """Return what answers a new client."""
        return Handler(self, read_only=False)

    @property
    def event_loop(self) -> asyncio.AbstractEventLoop:
        """The loop that everything runs in."""
        loop: asyncio.AbstractEventLoop = self.acceptor.event_loop
        return loop

    @property
    def handlers(self) -> list[Handler]:
        """Those of all clients that said what they want."""
        return [
            each for some in self.zeo_storages_by_storage_id.values() for each in some
        ]

    def commits(self) -> list[Handler]:
        """Return the clients with a commit that may still be made."""
        return [each for each in self.handlers if each.in_flight]

    @property
    def leaving(self) -> bool:
        """The server is about to end."""
        return self._leaving is not None

    def settled(self) -> None:
        """Take note that a commit has ended, one way or the other."""
        for future in self._settled:
            if not future.done():
                future.set_result(None)
        self._settled.clear()

    async def go_read_only(self, bound: float) -> None:
        """Refuse commits that begin from now on, and let the others end.

        :param bound: seconds; then the clients of those left are cut off.
        """
        self.refusing = True
        deadline = self.event_loop.time() + bound
        while self.refusing and self.commits():
            left = deadline - self.event_loop.time()
            if left <= 0 or not await self._wait_for_one(left):
                break
        if self.refusing:
            for handler in self.commits():
                handler.log("Cut off: its commit took too long", logging.WARNING)
                handler.connection.close()

    def go_writable(self) -> None:
        """Accept commits that begin from now on."""
        self.refusing = False

    async def _wait_for_one(self, seconds: float) -> bool:
        future = self.event_loop.create_future()
        self._settled.append(future)
        done, _ = await asyncio.wait([future], timeout=seconds)
        return bool(done)

    def leave(self, status: int = 0, bound: float = 0.0) -> None:
        """End the server: what is asked is answered, what is committed is kept.

        :param status: the exit code.
        :param bound: seconds that commits have to end; then they are aborted.
        """
        self.status = max(self.status, status)
        if self._leaving is None:
            self._leaving = self.event_loop.create_task(self._leave(bound))

    async def _leave(self, bound: float) -> None:
        self.acceptor.server.close()
        try:
            await self.go_read_only(bound)
            await self._take_leave()
            for connection in tuple(self.connections):
                connection.close()
            await asyncio.sleep(0)
        finally:
            self.event_loop.stop()

    async def _take_leave(self) -> None:
        now = self.event_loop.time
        deadline = now() + _FAREWELL
        while self.connections and now() < deadline:
            await asyncio.sleep(_SILENCE / 3)
            for connection in tuple(self.connections):
                if now() - connection.asked > _SILENCE:
                    connection.close()

    def finish(self) -> None:
        """Close the storages, after the loop has ended; indexes are saved.

        A pack that is still copying can go no further: it would have to wait for
        the lock that is taken here.
        """
        for storage in self.storages.values():
            with _held(storage):
                storage.close()


@contextlib.contextmanager
def _held(storage: Any) -> Iterator[None]:
    lock = getattr(storage, "_lock", None)
    if lock is None:
        yield
        return
    # Never released: the process ends.
    lock.acquire(timeout=10)
    yield
