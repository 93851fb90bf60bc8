"""Whether anybody else listens where a site is to."""

from __future__ import annotations

import contextlib
import errno
import socket

from karl.recipe.evolve.declaration.model import Address
from karl.recipe.release.base.errors import KarlError

#: Seconds in which somebody who listens on a Unix socket takes a connection.
_PATIENCE = 5.0


def check(address: Address) -> None:
    """Look whether a site can listen on its address, before its processes try.

    :raises KarlError: another program listens there, or this user may not.
    """
    problem = _socket(address.path) if address.path else _port(address)
    if problem:
        raise KarlError(
            f"The site cannot listen on {address}: {problem}.",
            "Stop what listens there, or choose another address in the buildout.",
        )


def _port(address: Address) -> str:
    kind = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with contextlib.closing(socket.socket(kind, socket.SOCK_STREAM)) as probe:
        # As supervisord does; what has ended a moment ago is in nobody's way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return "another program does"
            return str(error.strerror)
    return ""


def _socket(path: str) -> str:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
        probe.settimeout(_PATIENCE)
        try:
            probe.connect(path)
        except OSError:
            # A socket that nobody listens on any more is replaced.
            return ""
    return "another program does"
