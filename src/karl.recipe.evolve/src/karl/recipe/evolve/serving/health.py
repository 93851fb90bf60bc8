"""Asking a process of a site whether it is well."""

from __future__ import annotations

import contextlib
import http.client
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karl.recipe.release.base.unixhttp import Connection

#: The most that is read of an answer.
_LIMIT = 1 << 20


@dataclass(frozen=True)
class Health:
    """What a process answered.

    :ivar pid: of the process that listens; 0: nobody does.
    :ivar status: of HTTP; 0: there was no answer.
    :ivar body: what JSON it was; None: it was none.
    :ivar problem: why it is not well; empty: it is.
    """

    pid: int = 0
    status: int = 0
    body: Any = None
    problem: str = ""

    @property
    def is_well(self) -> bool:
        """Tell whether it is."""
        return not self.problem


def ask(socket: Path, path: str, patience: float) -> Health:
    """Ask the process that listens on *socket*.

    :param path: the path of the question, which is answered with status 200.
    :param patience: seconds.
    """
    connection = Connection(socket, patience)
    pid = 0
    try:
        with contextlib.closing(connection):
            connection.connect()
            pid = connection.peer()
            connection.request(
                "GET", path, headers={"Accept": "*/*", "User-Agent": "site"}
            )
            with connection.getresponse() as reply:
                content = reply.read(_LIMIT)
                kind = reply.headers.get_content_type()
                status = reply.status
    except FileNotFoundError:
        return Health(problem="it does not listen yet")
    except (OSError, http.client.HTTPException) as error:
        return Health(pid, problem=f"it does not answer: {error!r}")
    body = _parsed(content) if kind == "application/json" else None
    problem = "" if status == http.HTTPStatus.OK else _problem(path, status, content)
    return Health(pid, status, body, problem)


def tail(path: Path, size: int = 2000) -> str:
    """Return the end of a log."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - size))
            return stream.read().decode(errors="replace").strip()
    except OSError:
        return ""


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _problem(path: str, status: int, content: bytes) -> str:
    text = " ".join(content[:200].decode(errors="replace").split())
    return f"{path} is answered with status {status}: {text}".rstrip(": ")
