"""Folders with short names: the path of a Unix socket has few bytes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder with a short path."""
    path = Path(tempfile.mkdtemp(prefix="z", dir="/tmp"))
    yield path
    shutil.rmtree(path)
