"""supervisord's own interface: XML-RPC over its Unix socket."""

from __future__ import annotations

import contextlib
import http.client
import socket
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from karl.recipe.release.base.errors import KarlError, RefusedError, UnreachableError
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.servers import control

#: Seconds that supervisord has to answer.
PATIENCE = 30.0

#: supervisor's numbers for what is already as it should be.
BAD_NAME, ALREADY_STARTED, NOT_RUNNING, ALREADY_ADDED = 10, 60, 70, 90


@contextlib.contextmanager
def unless(*codes: int) -> Iterator[None]:
    """Take no notice of these of supervisord's refusals."""
    try:
        yield
    except xmlrpc.client.Fault as fault:
        if fault.faultCode not in codes:
            raise


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket at a path of any length."""

    def __init__(self, path: Path, patience: float) -> None:
        super().__init__("localhost", timeout=patience)
        self._path = path

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        with control.short_path(self._path) as name:
            self.sock.connect(name)


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path, patience: float) -> None:
        super().__init__()
        self._path, self._patience = path, patience

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        """Return the connection, for all calls."""
        if self._connection[1] is None:
            self._connection = host, _Connection(self._path, self._patience)
        connection = self._connection[1]
        assert isinstance(connection, http.client.HTTPConnection)  # noqa: S101
        return connection


@contextlib.contextmanager
def reached(central: Central, patience: float = PATIENCE) -> Iterator[Any]:
    """Give supervisord's own interface.

    :raises UnreachableError: it does not run, or does not answer.
    """
    transport = _Transport(central.places.supervisor_socket, patience)
    try:
        with xmlrpc.client.ServerProxy(
            "http://localhost/RPC2", transport, allow_none=True
        ) as server:
            yield server.supervisor
    except PermissionError:
        raise RefusedError(
            "You may not control the servers' supervisor.",
            "Run zeoctl as the user whom the servers run as.",
        ) from None
    except xmlrpc.client.Fault as fault:
        raise KarlError(
            f"supervisord refused: {fault.faultString}.",
            f"See {central.places.supervisor_log}.",
        ) from None
    except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
        raise UnreachableError(
            f"supervisord does not answer: {error}.",
            "Start it: zeoctl start --all, or its systemd unit.",
        ) from None
