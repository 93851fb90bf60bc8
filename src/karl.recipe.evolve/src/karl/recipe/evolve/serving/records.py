"""What each process of a site says of itself when it starts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from karl.recipe.evolve.modes.state import moment
from karl.recipe.release.base import files

_FORMAT = 1


@dataclass(frozen=True)
class WorkerRecord:
    """A process of a site.

    :ivar number: which one of the site's, from 1.
    :ivar pid: of the process that supervisord or systemd started.
    :ivar revision: that it resolved ``current`` to; it stays on it.
    :ivar release: version.
    :ivar since: when it started, seconds since the epoch.
    """

    number: int
    pid: int
    revision: int
    release: str
    since: float

    def save(self, path: Path) -> None:
        """Write it."""
        files.write(path, files.canonical_json({"format": _FORMAT, **asdict(self)}))


def load(path: Path) -> WorkerRecord | None:
    """Return what a process said; None: it never did, or not understandably."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return WorkerRecord(
            number=int(found["number"]),
            pid=int(found["pid"]),
            revision=int(found["revision"]),
            release=str(found["release"]),
            since=moment(found["since"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
