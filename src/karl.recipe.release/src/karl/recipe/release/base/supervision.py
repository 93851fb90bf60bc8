"""supervisord's own interface: XML-RPC over its Unix socket."""

from __future__ import annotations

import contextlib
import http.client
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from karl.recipe.release.base.errors import KarlError, RefusedError, UnreachableError
from karl.recipe.release.base.unixhttp import Connection

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


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path, patience: float) -> None:
        super().__init__()
        self._path, self._patience = path, patience

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        """Return the connection, for all calls."""
        if self._connection[1] is None:
            self._connection = host, Connection(self._path, self._patience)
        connection = self._connection[1]
        assert isinstance(connection, http.client.HTTPConnection)  # noqa: S101
        return connection


@contextlib.contextmanager
def reached(
    socket: Path, start: str, log: Path, patience: float = PATIENCE
) -> Iterator[Any]:
    """Give supervisord's own interface.

    :param socket: where it listens.
    :param start: what starts it, told if it does not run.
    :param log: its log, told if it refuses.
    :param patience: seconds that it has to answer.
    :raises UnreachableError: it does not run, or does not answer.
    :raises RefusedError: this user may not control it.
    """
    transport = _Transport(socket, patience)
    try:
        with xmlrpc.client.ServerProxy(
            "http://localhost/RPC2", transport, allow_none=True
        ) as server:
            yield server.supervisor
    except PermissionError:
        raise RefusedError(
            "You may not control supervisord.",
            "Do it as the user whom the processes run as.",
        ) from None
    except xmlrpc.client.Fault as fault:
        raise KarlError(
            f"supervisord refused: {fault.faultString}.", f"See {log}."
        ) from None
    except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
        raise UnreachableError(
            f"supervisord does not answer: {error}.",
            f"Start it: {start}, or its systemd unit.",
        ) from None
