"""Fixtures of backups."""

from __future__ import annotations

import os
import subprocess

import pytest
from support.zeobackups import Bench


@pytest.fixture
def bench(tmp_path):
    """A database with three commits, two of them with blobs."""
    bench = Bench(tmp_path / "acme")
    with bench.live() as live:
        live.commit(name="one", things={"a": 1})
        live.commit(photo=b"first", film=b"f" * 5000)
        live.commit(photo=b"second")
    return bench


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 40 MB; backups on it cannot link to the database's blobs."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder]
    if os.getuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", folder], check=True)
