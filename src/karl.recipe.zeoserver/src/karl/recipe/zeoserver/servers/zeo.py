"""ZEO's server, with what it lacks: going read-only in place, and clean endings."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from typing import Any

from ZEO.asyncio.server import Acceptor, ServerProtocol
from ZEO.StorageServer import StorageServer
from ZODB.POSException import ReadOnlyError

from karl.recipe.zeoserver.servers.handler import Handler

_logger = logging.getLogger(__name__)

#: Seconds in which the server, when it ends, waits for a client to fall silent.
_FAREWELL = 0.5

#: Seconds without a request: a good moment for closing a connection.  ZEO has no way
#: of telling a client that the server goes; what is just being sent is lost.
_SILENCE = 0.003


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

    def async_threadsafe(self, method: str, *arguments: Any) -> None:
        """Tell the client something; at once, unless another thread does.

        ZEO tells of a commit a moment later.  The one whose commit it was knows of it
        before; who was told by that one, and asks here in that moment, would not be
        shown it.
        """
        if _runs(self.loop):
            self.async_(method, *arguments)
        else:
            super().async_threadsafe(method, *arguments)

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


def _runs(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether this is the thread of a loop."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


@contextlib.contextmanager
def _held(storage: Any) -> Iterator[None]:
    lock = getattr(storage, "_lock", None)
    if lock is None:
        yield
        return
    # Never released: the process ends.
    lock.acquire(timeout=10)
    yield
