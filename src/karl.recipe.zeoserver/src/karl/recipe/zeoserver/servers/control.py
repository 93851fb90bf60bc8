"""Asking a server what it does, and telling it: one JSON line each way.

The server of each side listens on a Unix socket in a folder that only its user
may enter (:mod:`karl.recipe.zeoserver.servers.controlled` is its other end).  A
request is one JSON object on one line, ``{"do": "status"}``, and so is the
answer: ``{"done": {...}}`` or ``{"error": {"message", "next", "exit"}}``.  A pack
sends ``{"progress": {"bytes", "of"}}`` lines before it.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karl.recipe.release.base.errors import (
    BusyError,
    DamagedError,
    KarlError,
    RefusedError,
    UnreachableError,
    UsageError,
)
from karl.recipe.release.base.unixhttp import short_path
from karl.recipe.zeoserver.layouts.storage import StorageLayout

#: Seconds in which a server must answer; a commit or a pack may hold it up.
PATIENCE = 15.0

#: The same for a server that packs: it is busiest when it saves the index.
_PACK_PATIENCE = 600.0

#: Bytes of an answer.
_LIMIT = 4 << 20

#: Called with the bytes written by a pack so far, and those of the database.
Beat = Callable[[int, int], None]


@dataclass(frozen=True)
class Client:
    """A process of a site that is connected.

    :ivar address: where from; empty for a Unix socket.
    :ivar label: what it calls itself; may be empty.
    :ivar since: when it connected, seconds since the epoch.
    """

    address: str
    label: str
    since: float


@dataclass(frozen=True)
class ServerStatus:
    """What a server says of itself.

    :ivar copy: number of the database copy that it serves.
    :ivar position: bytes of Data.fs up to the end of the last commit.
    :ivar tid: of the last commit, 16 hexadecimal digits.
    :ivar objects: in the database.
    :ivar read_only: it refuses commits.
    :ivar in_flight: commits that have begun and not ended.
    :ivar packing: it packs.
    :ivar since: when it began to serve, seconds since the epoch.
    """

    pid: int
    copy: int
    position: int
    tid: str
    objects: int
    clients: tuple[Client, ...]
    read_only: bool
    in_flight: int
    packing: bool
    since: float


def status(
    places: StorageLayout, side: str, patience: float = PATIENCE
) -> ServerStatus | None:
    """Return what the server of *side* says; None if there is no server.

    :param patience: seconds to wait for the answer.
    :raises UnreachableError: there is one, but it does not answer.
    :raises RefusedError: this user may not ask.
    """
    try:
        return _status(ask(places, side, {"do": "status"}, patience=patience))
    except NobodyError:
        return None


def set_mode(
    places: StorageLayout, side: str, *, read_only: bool, bound: float
) -> ServerStatus:
    """Have commits refused, or accepted again; nobody is disconnected.

    Commits that have begun may end; what has not after *bound* is aborted.

    :param bound: seconds.
    :return: the status when no commit is in flight any more.
    :raises UnreachableError: no server answers.
    """
    request = {"do": "mode", "read_only": read_only, "bound": bound}
    return _status(ask(places, side, request, patience=bound + PATIENCE))


def pack(
    places: StorageLayout, side: str, before: float, beat: Beat | None = None
) -> None:
    """Have the database packed, to its end; however long it takes.

    Who is killed meanwhile does not stop the server: ``status`` tells.

    :param before: seconds since the epoch; what was replaced earlier goes.
    :param beat: called about every second.
    :raises UnreachableError: no server answers, or it went away.
    """
    request = {"do": "pack", "before": before}
    ask(places, side, request, patience=_PACK_PATIENCE, beat=beat)


class NobodyError(UnreachableError):
    """There is no server."""


def ask(
    places: StorageLayout,
    side: str,
    request: Mapping[str, Any],
    *,
    patience: float = PATIENCE,
    beat: Beat | None = None,
) -> Mapping[str, Any]:
    """Send a request to the server of *side* and return its answer.

    :param patience: seconds for each line of the answer.
    :raises UnreachableError: nobody answers.
    :raises KarlError: what the server refused, as it put it.
    """
    name = places.root.name
    try:
        with _connected(places.control(side), patience) as stream:
            stream.write(json.dumps(request).encode() + b"\n")
            stream.flush()
            while True:
                answer = _read(stream)
                if "progress" not in answer:
                    return _result(answer)
                if beat is not None:
                    beat(answer["progress"]["bytes"], answer["progress"]["of"])
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        raise NobodyError(
            f"No server of {name} runs on side {side}.",
            f"Start it with zeoctl start {name}.",
        ) from None
    except PermissionError:
        raise RefusedError(
            f"You may not control the server of {name} on side {side}.",
            "Run zeoctl as the user whom the servers run as.",
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreachableError(
            f"The server of {name} on side {side} does not answer: {error!r}.",
            f"See zeoctl logs {name}; zeoctl restart {name} starts it anew.",
        ) from None


@contextlib.contextmanager
def _connected(path: Path, patience: float) -> Iterator[Any]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(patience)
        with short_path(path) as name:
            peer.connect(name)
        with peer.makefile("rwb") as stream:
            yield stream


def _read(stream: Any) -> dict[str, Any]:
    line = stream.readline(_LIMIT)
    if not line.endswith(b"\n"):
        raise ValueError("it hung up")
    answer = json.loads(line)
    if not isinstance(answer, dict):
        raise TypeError("it did not answer with an object")
    return answer


def _result(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    if "error" not in answer:
        done: Mapping[str, Any] = answer["done"]
        return done
    error = answer["error"]
    kinds = (UsageError, RefusedError, DamagedError, BusyError)
    kind = {each.exit_code: each for each in kinds}.get(error["exit"], KarlError)
    raise kind(error["message"], error["next"])


def _status(found: Mapping[str, Any]) -> ServerStatus:
    clients = tuple(Client(**each) for each in found["clients"])
    return ServerStatus(**{**found, "clients": clients})
