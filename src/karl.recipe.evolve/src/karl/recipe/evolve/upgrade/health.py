"""Asking a site whether it is well, on the address that visitors use."""

from __future__ import annotations

import http.client
from contextlib import closing
from pathlib import Path

from karl.recipe.evolve.declaration.model import Address
from karl.recipe.release.base import unixhttp
from karl.recipe.release.base.errors import UnreachableError

_TIP = "See bin/site status, and the logs of its processes."


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
        return unixhttp.Connection(Path(address.path), timeout)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host)  # noqa: S104
    return http.client.HTTPConnection(host or address.host, address.port, timeout)
