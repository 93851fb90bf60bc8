"""``zeoctl`` with a fault at one of its changes: killed there, or on a full disk."""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Callable
from typing import Any

from support.faults import RAISED, Fault, die, in_child
from support.schemas import validated
from support.zeoservers import Box

from karl.recipe.release.base import files
from karl.recipe.zeoserver.commands import zeoctl
from karl.recipe.zeoserver.databases.state import Status
from karl.recipe.zeoserver.layouts.storage import StorageLayout

#: What a child says whose fault never came.
_NO_FAULT = 100


def fill_disk() -> None:
    """Fail as a full disk does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


FAULTS: dict[str, Callable[[], None]] = {"kill": die, "full disk": fill_disk}


def run_with_fault(
    box: Box, number: int, what: Callable[[], None], *words: str
) -> bool:
    """Run ``zeoctl`` with a fault at its change *number*; tell whether it came.

    The process is a fork of this one, which has no threads of clients then.
    """

    def body() -> int:
        fault = Fault(number, what)
        files.seam = fault
        ended = zeoctl.main(str(box.root), words)
        return ended if fault.fired else _NO_FAULT

    code = in_child(body, silent=True)
    assert code != RAISED
    return code != _NO_FAULT


def quick(box: Box, *words: str, code: int = 0) -> Any:
    """Run ``zeoctl --json`` in this process and return the document."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        ended = zeoctl.main(str(box.root), [*words, "--json", "--quiet"])
    assert ended == code, f"{words}: {output.getvalue()}"
    (found,) = validated("zeoctl", words, output.getvalue())
    return found


def check_consistent(box: Box, name: str) -> None:
    """Assert what is true whatever was killed: nothing live is lost or doubled."""
    state, places = box.state(name), box.storage_places(name)
    live = [copy for copy in state.copies.values() if copy.status is Status.LIVE]
    assert len(live) <= 1
    for copy in state.copies.values():
        if copy.status is not Status.RETIRED:
            assert places.copy(copy.number).data.is_file()
    assert set(state.serving.values()) <= set(state.copies)


def check_tidy(box: Box, name: str) -> None:
    """Assert that a command left nothing that is not known."""
    check_consistent(box, name)
    state, places = box.state(name), box.storage_places(name)
    numbers = {path.name for path in places.databases.iterdir()}
    assert numbers == {str(number) for number in state.copies}
    for folder in (places.root, places.repository.root):
        if folder.is_dir():
            assert not [path for path in folder.iterdir() if files.is_partial(path)]


def content(places: StorageLayout, number: int) -> tuple[bytes, dict[str, bytes]]:
    """Return every byte of a copy: its data, and its blobs by path."""
    copy = places.copy(number)
    blobs = {
        str(path.relative_to(copy.blobs)): path.read_bytes()
        for path in copy.blobs.rglob("*.blob")
    }
    return copy.data.read_bytes(), blobs
