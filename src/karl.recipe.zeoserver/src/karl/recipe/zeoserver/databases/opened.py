"""Does anybody have a Data.fs open?  FileStorage's own lock tells."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from karl.recipe.release.base.errors import RefusedError
from karl.recipe.zeoserver.layouts.copy import CopyLayout, ForeignLayout


@contextlib.contextmanager
def closed(places: CopyLayout | ForeignLayout) -> Iterator[None]:
    """Keep others from opening a Data.fs for writing; nothing is written.

    Where there is no lock file nobody had it open yet.

    :raises RefusedError: somebody has it open.
    """
    try:
        descriptor = os.open(places.lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 100, 0).decode(errors="replace").strip()
            raise RefusedError(
                f"A process has {places.data} open (number {holder or 'unknown'}).",
                "Stop the server that uses it first.",
            ) from None
        yield
    finally:
        os.close(descriptor)
