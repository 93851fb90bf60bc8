"""Locks, where nothing may be written."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from karl.recipe.release.base import locks


def test_a_lock_that_cannot_be_made_is_said_to_be_that():
    """Not that it is missing is told, but why: who may write, or the disk."""
    # Where nobody can make a file.
    place = Path("/sys/lock")
    with (
        pytest.raises(OSError, match=str(place)) as caught,
        locks.sharing(place, lambda: None),
    ):
        pass
    assert caught.value.errno in {errno.EACCES, errno.EROFS, errno.EPERM}
