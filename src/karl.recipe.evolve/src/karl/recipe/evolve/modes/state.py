"""The mode of a site: one small file that every process looks at.

It is replaced whole, by one rename, so that all processes see a new mode at
their next request, and none ever sees half of one.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

NORMAL = "normal"
READ_ONLY = "read-only"
MAINTENANCE = "maintenance"

MODES = (NORMAL, READ_ONLY, MAINTENANCE)

_FORMAT = 1

#: No mode file is larger.
_LIMIT = 1 << 16

#: The year 10000, in seconds since the epoch: later than anything that was done.
_LATEST = 253_402_300_800

#: Which content of the file was read.
_Stamp = tuple[int, int, int, int]


@dataclass(frozen=True)
class Mode:
    """What the file says.

    :ivar mode: one of :data:`MODES`.
    :ivar since: seconds since the epoch; 0: nobody ever changed it.
    :ivar by: who changed it.
    :ivar message: for visitors; may be empty.
    :ivar retry_after: seconds after which a visitor should try again; None: as the
        site is configured.
    :ivar problem: why the file could not be trusted; empty: it could.
    """

    mode: str = NORMAL
    since: float = 0.0
    by: str = ""
    message: str = ""
    retry_after: int | None = None
    problem: str = ""

    def to_text(self) -> str:
        """Return the content of the file."""
        found = asdict(self)
        del found["problem"]
        return json.dumps({"format": _FORMAT, **found}, indent=1, sort_keys=True) + "\n"


def read(path: Path | str) -> Mode:
    """Return the mode that the file says.

    Without a file it is ``normal``: nobody has ever changed it, and a database
    that must not be written to refuses by itself.  A file that cannot be read or
    understood means ``read-only``: somebody did change it, all can still be read,
    and nothing is written that should not be.
    """
    return ModeFile(path).read()


class ModeFile:
    """The file, looked at before every request: one ``stat`` if nothing changed.

    :param path: of the file; it need not be there.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = os.fspath(path)
        #: Replaced as a whole: threads need no lock.
        self._known: tuple[_Stamp, Mode] | None = None

    def read(self) -> Mode:
        """Return what the file says now; as :func:`read`."""
        known = self._known
        try:
            if known is not None and _stamp(os.stat(self._path)) == known[0]:
                return known[1]
            with open(self._path, "rb") as stream:
                stamp = _stamp(os.fstat(stream.fileno()))
                mode = _parse(stream.read(_LIMIT))
        except (FileNotFoundError, NotADirectoryError):
            return Mode()
        except OSError as error:
            return Mode(READ_ONLY, problem=f"it cannot be read: {error.strerror}")
        self._known = (stamp, mode)
        return mode


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def moment(value: Any) -> float:
    """Return a time that a calendar has, in seconds since the epoch; 0: none is said.

    :raises TypeError: it is no number.
    :raises ValueError: it is none.
    """
    if not 0 <= (value or 0.0) < _LATEST:
        raise ValueError(f"{value!r} is no time")
    return float(value or 0.0)


def _parse(content: bytes) -> Mode:
    try:
        found = json.loads(content)
        retry_after = found.get("retry_after")
        mode = Mode(
            mode=found["mode"],
            since=moment(found.get("since")),
            by=str(found.get("by") or ""),
            message=str(found.get("message") or ""),
            retry_after=None if retry_after is None else max(1, int(retry_after)),
        )
    except Exception as error:  # noqa: BLE001  # whatever it is, it is no mode
        return Mode(READ_ONLY, problem=f"it does not describe a mode: {error!r}")
    if mode.mode not in MODES:
        return Mode(READ_ONLY, problem=f"there is no mode {mode.mode!r}")
    return mode
