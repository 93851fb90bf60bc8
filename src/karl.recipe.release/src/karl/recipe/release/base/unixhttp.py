"""HTTP to a program on this machine that listens on a Unix socket."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

#: Of ``SO_PEERCRED``: process, user, group.
_CREDENTIALS = struct.Struct("3i")


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Give a path of at most 107 bytes, the most that a Unix socket can have."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket at a path of any length.

    :param patience: seconds to wait for whatever the other end does.
    """

    def __init__(self, path: Path, patience: float) -> None:
        super().__init__("localhost", timeout=patience)
        self._path = path

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        with short_path(self._path) as name:
            self.sock.connect(name)

    def peer(self) -> int:
        """Return the number of the process that listens; only while connected."""
        found = self.sock.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size
        )
        number: int = _CREDENTIALS.unpack(found)[0]
        return number
