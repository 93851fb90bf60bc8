"""Asking a site whether it is well, on the address that visitors use."""

from __future__ import annotations

import http.client
import socket
from contextlib import closing

from karl.recipe.evolve.declaration.model import Address
from karl.recipe.release.base.errors import UnreachableError

_TIP = "See bin/site status, and the logs of its processes."


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def check(address: Address, path: str, timeout: float) -> None:
    """Ask an address for a path, which must answer with status 200.

    :param timeout: seconds for each part of the answer.
    :raises UnreachableError: it does not.
    """
    what = f"The health check {path} on {address}"
    try:
        with closing(_connection(address, timeout)) as connection:
            connection.request("GET", path, headers={"Connection": "close"})
            status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableError(f"{what} had no answer: {error!r}.", _TIP) from None
    if status != http.client.OK:
        raise UnreachableError(f"{what} was answered with status {status}.", _TIP)


def _connection(address: Address, timeout: float) -> http.client.HTTPConnection:
    if address.path:
        return _UnixConnection(address.path, timeout)
    return http.client.HTTPConnection(_reached(address.host), address.port, timeout)


def _reached(host: str) -> str:
    """Return where to reach who listens to every address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
