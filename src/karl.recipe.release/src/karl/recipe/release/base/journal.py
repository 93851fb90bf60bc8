"""A journal: JSON lines, each on disk before the step it tells of goes on."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from karl.recipe.release.base import files


class Journal:
    """The history of one thing, only ever appended to.

    :param path: the file; it is made at the first entry.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: str, **details: Any) -> None:
        """Add an entry and make it durable (fsync).

        A line that a crash cut off is ended first, so that it can never merge
        with the new one.
        """
        entry = {"event": event, "time": time.time(), **details}
        files.make_directory(self.path.parent)
        files.seam("journal", self.path)
        new = not self.path.exists()
        descriptor = os.open(
            self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644
        )
        try:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            line = json.dumps(entry, sort_keys=True) + "\n"
            rest = (("\n" if torn else "") + line).encode()
            while rest:  # A disk that fills up takes a part without complaint.
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if new:
            files.fsync_directory(self.path.parent)

    def entries(self) -> list[dict[str, Any]]:
        """Return all whole entries, oldest first; a torn line is left out."""
        return self.tail(None)

    def tail(self, limit: int | None) -> list[dict[str, Any]]:
        """Return the whole entries of the journal's end, oldest first.

        :param limit: bytes of the end to look at; None: the whole journal.
        """
        try:
            with self.path.open("rb") as stream:
                if limit is not None:
                    size = stream.seek(0, os.SEEK_END)
                    stream.seek(max(0, size - limit))
                lines = stream.read().decode(errors="replace").split("\n")
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            try:
                entry = json.loads(line)
            except (RecursionError, ValueError):
                continue
            if isinstance(entry, dict):
                found.append(entry)
        return found
