"""bootstrap.py where the machine sets limits: no permission, no space."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

#: nobody.
OTHER_USER = 65534

#: A Python that other users than root can run too.
PYTHON = "/usr/bin/python3"

NEEDS = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"


def needs_root():
    """Skip the test unless root runs it."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount, or run a program as another user")


@pytest.fixture
def open_folder():
    """A folder that every user can reach."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 10 MB."""
    needs_root()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=10m", "none", tmp_path], check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this machine does not let root mount a tmpfs")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def test_read_only_folder_is_said(open_folder, copied):
    """In a folder of another user the error says so before any work."""
    needs_root()
    if subprocess.run([PYTHON, "-c", NEEDS], check=False).returncode != 0:
        pytest.skip(f"{PYTHON} lacks venv or is too old")
    copy = copied(open_folder / "karl")
    done = subprocess.run(
        [PYTHON, copy.root / "bootstrap.py", "--offline"],
        check=False,
        capture_output=True,
        text=True,
        env=copy.environment,
        user=OTHER_USER,
        group=OTHER_USER,
        extra_groups=[],
        cwd="/",
    )
    assert done.returncode == 3, done.stderr
    assert f"{copy.root} is read-only" in done.stderr
    assert not (copy.root / ".venvs").exists()


def test_dollar_in_the_path_is_said(tmp_path, copied):
    """A folder that pip cannot install from is refused by name before any work."""
    copy = copied(tmp_path / "dol$lar" / "karl", small=True)
    done = copy.bootstrap("--offline")
    assert done.returncode == 3, done.stderr
    assert f"{copy.root}, and pip cannot install" in done.stderr
    assert not (copy.root / ".venvs").exists()


def test_full_disk_is_said(small_disk, copied):
    """When the disk gets full the error says so, and nothing half-made stays."""
    copy = copied(small_disk / "karl", small=True)
    done = copy.bootstrap("--offline")
    assert done.returncode == 3, done.stderr
    assert "The disk is full" in done.stderr
    assert copy.environments() == []
