"""What a ZEO server does for one client: refusing commits, and full disks.

A client is never told that the server is read-only: it may connect as a writer at
any time, so that it need not connect again when commits are accepted again.  What
is refused is a commit, and that when it votes: this is the first call of a commit
that the client waits for, so that it gets an error and keeps its connection.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any, Protocol

from ZEO.asyncio.server import Delay
from ZEO.StorageServer import ZEOStorage
from ZODB.POSException import ReadOnlyError

_REFUSED = "The database is read-only for the time being."


class Host(Protocol):
    """The server, as a handler sees it.

    :ivar refusing: commits that begin now are refused.
    """

    refusing: bool

    @property
    def leaving(self) -> bool:
        """The server is about to end."""

    def settled(self) -> None:
        """Take note that a commit has ended."""

    def leave(self, status: int = 0, bound: float = 0.0) -> None:
        """End the server."""


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
    server: Host
    blob_tempfile: tuple[int, str] | None

    @property
    def in_flight(self) -> bool:
        """A commit has begun that may still be made."""
        return self.transaction is not None and not self.refused

    def tpc_begin(self, *args: Any) -> None:
        """Begin a commit, and decide its fate."""
        self.failure = None
        self._drop_blob()
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
