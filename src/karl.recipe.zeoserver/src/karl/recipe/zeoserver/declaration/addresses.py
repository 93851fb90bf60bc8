"""Addresses as they are written in options, and which of them collide."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable
from pathlib import Path

from karl.recipe.release.base import optionvalues
from karl.recipe.release.base.errors import UsageError
from karl.recipe.zeoserver.declaration.model import Address

#: Bytes that the kernel takes for the path of a Unix socket.
SOCKET_LIMIT = 107

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")
_NUMBERS = re.compile(r"[0-9.]+\Z")
_LOOPBACK = "127.0.0.1"
_LOCALHOST = frozenset({"localhost", "127.0.0.1", "::1"})


def parser(base: Path) -> Callable[[str], Address]:
    """Return what reads an address: ``8100``, ``host:8100``, ``[::1]:8100``, a path.

    A port alone is one of this machine's own: 127.0.0.1.

    :param base: where a relative path of a Unix socket begins.
    """

    def read(text: str) -> Address:
        optionvalues.line(text)
        if "/" in text:
            return Address(path=optionvalues.path(base)(text))
        name, _, port = text.rpartition(":")
        return Address(host=_host(name), port=_port(port))

    return read


def host(text: str) -> str:
    """Return the host *text*, a name or an address; it may be empty.

    :raises UsageError: it is neither.
    """
    if not text:
        return ""
    lower = text.lower().removeprefix("[").removesuffix("]")
    if ":" in lower or _NUMBERS.match(lower):
        try:
            return str(ipaddress.ip_address(lower))
        except ValueError:
            raise UsageError(f"{text} is not an IP address") from None
    if not is_host_name(lower):
        raise UsageError(f"{text!r} is not the name of a host")
    return lower


def is_host_name(text: str) -> bool:
    """Tell whether a host can be called so; in small letters."""
    return len(text) <= 253 and bool(_HOST.match(text))


def is_local(address: Address) -> bool:
    """Tell whether only programs on this machine can reach an address."""
    if address.path or address.host == "localhost":
        return True
    found = _literal(address.host)
    return found is not None and found.is_loopback


def is_everywhere(address: Address) -> bool:
    """Tell whether an address is one of all interfaces."""
    found = _literal(address.host)
    return found is not None and found.is_unspecified


def collide(one: Address, other: Address) -> bool:
    """Tell whether two servers could not both listen on these addresses.

    What a name stands for is not looked up: it may be any host.
    """
    if one.path or other.path:
        return bool(one.path and other.path) and _real(one.path) == _real(other.path)
    if one.port != other.port:
        return False
    hosts = {one.host, other.host}
    return (
        len(hosts) == 1
        or ("localhost" in hosts and hosts <= _LOCALHOST)
        or any(_may_be_any(each) for each in hosts)
    )


def check_socket(path: str, limit: int = SOCKET_LIMIT) -> None:
    """Refuse the path of a Unix socket that the kernel would cut.

    :param limit: bytes that it may have.
    :raises UsageError: it is longer.
    """
    length = len(os.fsencode(path))
    if length > limit:
        raise UsageError(
            f"the path of the Unix socket {path} has {length} bytes, and the system "
            f"takes {limit}: choose a shorter root, or another address"
        )


def _may_be_any(name: str) -> bool:
    found = _literal(name)
    return name != "localhost" if found is None else found.is_unspecified


def _literal(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(name)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _real(path: str) -> str:
    return os.path.realpath(path)


def _host(text: str) -> str:
    if not text:
        return _LOOPBACK
    bracketed = text.startswith("[") and text.endswith("]")
    if (":" in text) != bracketed:
        raise UsageError("an IPv6 address stands in brackets: [::1]:8100")
    return "0.0.0.0" if text == "*" else host(text)  # noqa: S104  # asked for


def _port(text: str) -> int:
    try:
        return optionvalues.whole(1, 65535)(text)
    except UsageError:
        raise UsageError(
            "it is neither a port, nor a host and a port, nor the path of a Unix "
            "socket, which has a slash"
        ) from None
