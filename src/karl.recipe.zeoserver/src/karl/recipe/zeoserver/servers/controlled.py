"""The server's end of its control socket: see :mod:`control` for the other.

It runs in ZEO's own loop: what it tells is true between two requests of clients,
and nobody who connects and says nothing, or too much, can hold up a client.
"""

from __future__ import annotations

import asyncio
import contextlib
import grp
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

from ZODB.FileStorage.FileStorage import FileStorageError
from ZODB.serialize import referencesf

from karl.recipe.release.base.errors import (
    BusyError,
    KarlError,
    PrerequisiteError,
    UsageError,
)
from karl.recipe.release.base.unixhttp import short_path
from karl.recipe.zeoserver.layouts.copy import CopyLayout
from karl.recipe.zeoserver.servers.zeo import Server

_logger = logging.getLogger(__name__)

#: Bytes of a request.
_LIMIT = 64 << 10

#: Seconds that somebody has to say what he wants, and to take the answer.
_PATIENCE = 10.0

#: Connections at one time.
_CROWD = 64

#: Seconds between two lines of progress.
_BEAT = 1.0

Answer = dict[str, Any]


class Controller:
    """Answers what zeoctl asks.

    :param storage: the one storage that *server* serves.
    :param number: of the database copy.
    :param copy: its places.
    """

    def __init__(
        self, server: Server, storage: Any, number: int, copy: CopyLayout
    ) -> None:
        self.server = server
        self.storage = storage
        self.number = number
        self.copy = copy
        self.packing = False
        self.peers = 0

    async def answer(
        self, request: Any, tell: Callable[[Answer], Coroutine[Any, Any, None]]
    ) -> Answer:
        """Return the answer to a request.

        :param tell: sends a line before the answer.
        """
        verbs = {"status": self._status, "mode": self._mode, "pack": self._pack}
        try:
            verb = verbs[request["do"]]
        except (KeyError, TypeError):
            raise UsageError(
                "The server does not understand the request.",
                "Was it started with an older version? Restart it: zeoctl restart.",
            ) from None
        return await verb(request, tell)

    async def _status(self, request: Answer, tell: Any) -> Answer:
        return self.status()

    def status(self) -> Answer:
        """Return what is true now."""
        server = self.server
        return {
            "pid": os.getpid(),
            "copy": self.number,
            "position": self.storage.getSize(),
            "tid": self.storage.lastTransaction().hex(),
            "objects": len(self.storage),
            "clients": [
                {
                    "address": _address(each.connection.get_peername()),
                    "label": each.log_label.rpartition(" ")[0],
                    "since": each.connection.since,
                }
                for each in server.handlers
            ],
            "read_only": server.refusing,
            "in_flight": len(server.commits()),
            "packing": self.packing,
            "since": server.since,
        }

    async def _mode(self, request: Answer, tell: Any) -> Answer:
        if _truth(request, "read_only"):
            await self.server.go_read_only(_number(request, "bound"))
        else:
            self.server.go_writable()
        return self.status()

    async def _pack(self, request: Answer, tell: Any) -> Answer:
        before = _number(request, "before")
        if self.packing:
            raise BusyError(
                "The database is being packed already.", "Wait until it has ended."
            )
        self.packing = True
        done: asyncio.Future[Answer] = self.server.event_loop.create_future()
        thread = threading.Thread(
            target=self._pack_in_thread, args=(before, done), name="pack", daemon=True
        )
        thread.start()
        while not (await asyncio.wait([done], timeout=_BEAT))[0]:
            await tell({"progress": self._progress()})
        return done.result()

    def _pack_in_thread(self, before: float, done: asyncio.Future[Answer]) -> None:
        failure: BaseException | None = None
        try:
            self.storage.pack(before, referencesf)
        except BaseException as error:  # told to who asked
            _logger.exception("The pack failed")
            failure = error
        # The loop is closed where the server has ended meanwhile.
        with contextlib.suppress(RuntimeError):
            self.server.event_loop.call_soon_threadsafe(self._packed, done, failure)

    def _packed(
        self, done: asyncio.Future[Answer], failure: BaseException | None
    ) -> None:
        self.packing = False
        if not done.done():
            if failure is None:
                done.set_result(self.status())
            else:
                done.set_exception(_told(failure))
        info = {"length": len(self.storage), "size": self.storage.getSize()}
        for name in self.server.storages:
            self.server.broadcast_info(name, info)

    def _progress(self) -> Answer:
        copied = 0
        with contextlib.suppress(OSError):
            copied = self.copy.packing.stat().st_size
        return {"bytes": copied, "of": self.storage.getSize()}


def _told(failure: BaseException) -> KarlError:
    if isinstance(failure, OSError):
        return KarlError(
            f"The pack failed: {failure}.",
            "The database is as it was. Make room, and pack again.",
        )
    if isinstance(failure, FileStorageError):
        return KarlError(
            f"The pack failed: {failure}.",
            "The database is as it was; zeoctl logs tells more.",
        )
    return KarlError(
        f"The pack failed: {failure!r}.",
        "The database is as it was; zeoctl verify-backup finds damage, if there is.",
    )


def listening(path: Path) -> socket.socket:
    """Return a socket bound to *path*, which only this user may connect to."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.parent.chmod(0o700)
    path.unlink(missing_ok=True)
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    with only_ours(), short_path(path) as name:
        found.bind(name)
    return found


async def serve(controller: Controller, door: socket.socket) -> asyncio.Server:
    """Answer whoever connects to *door*."""

    async def welcome(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await _converse(controller, reader, writer)

    return await asyncio.start_unix_server(welcome, sock=door, limit=_LIMIT)


@contextlib.contextmanager
def only_ours() -> Iterator[None]:
    """Make sockets that nobody but this user may connect to, from the beginning."""
    before = os.umask(0o177)
    try:
        yield
    finally:
        os.umask(before)


def open_to_group(path: Path, group: str) -> None:
    """Let the members of *group* connect to a socket too.

    :raises PrerequisiteError: there is no such group, or we are not in it.
    """
    try:
        os.chown(path, -1, grp.getgrnam(group).gr_gid)
    except (KeyError, PermissionError) as error:
        raise PrerequisiteError(
            f"The socket {path} cannot be given to the group {group}: {error}.",
            f"Make the group, and the servers' user a member: adduser USER {group}.",
        ) from None
    path.chmod(0o660)


async def _converse(
    controller: Controller, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer one request; whatever the other does, it is over soon."""

    async def tell(answer: Answer) -> None:
        # Who went away must not end a pack.
        with contextlib.suppress(OSError, TimeoutError):
            writer.write(json.dumps(answer).encode() + b"\n")
            await asyncio.wait_for(writer.drain(), _PATIENCE)

    controller.peers += 1
    try:
        if controller.peers <= _CROWD:
            await tell(await _answered(controller, reader, tell))
    finally:
        controller.peers -= 1
        # Closing waits for who does not read; aborting does not.
        if writer.transport.get_write_buffer_size():
            writer.transport.abort()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _answered(
    controller: Controller,
    reader: asyncio.StreamReader,
    tell: Callable[[Answer], Coroutine[Any, Any, None]],
) -> Answer:
    try:
        line = await asyncio.wait_for(reader.readline(), _PATIENCE)
        return {"done": await controller.answer(json.loads(line), tell)}
    except KarlError as error:
        told, tip, code = error.message, error.tip, error.exit_code
    except (ValueError, RecursionError) as error:
        told, tip, code = (
            f"The request is malformed: {error}.",
            "",
            UsageError.exit_code,
        )
    except (OSError, TimeoutError) as error:
        told, tip, code = f"No request came: {error!r}.", "", UsageError.exit_code
    except Exception as error:
        _logger.exception("A request of zeoctl failed")
        told, tip, code = f"The request failed: {error!r}.", "See zeoctl logs.", 1
    return {"error": {"message": told, "next": tip, "exit": code}}


def _address(peer: Any) -> str:
    return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else ""


def _number(request: Answer, key: str) -> float:
    value = request.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UsageError(f"{key} must be a number.", "Was zeoctl changed meanwhile?")
    if not 0 <= value <= time.time() + 86400:
        raise UsageError(f"{key} is out of range: {value}.", "Give another.")
    return float(value)


def _truth(request: Answer, key: str) -> bool:
    value = request.get(key)
    if not isinstance(value, bool):
        raise UsageError(f"{key} must be true or false.", "Was zeoctl changed?")
    return value
