"""An old Python is told so."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

import bootstrap

#: Where an older Python may be on a developer's machine.
OLD = sorted(
    path
    for pattern in ("3.[6-9].*/bin/python", "3.10.*/bin/python")
    for path in Path("~/.pyenv/versions").expanduser().glob(pattern)
)


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 6, 0), (3, 10, 99)])
def test_old_version_is_refused(version):
    """An older version is named, with the one that is needed."""
    said = bootstrap.complaint(version)
    assert "needs Python 3.11" in said
    assert ".".join(map(str, version)) in said
    assert "next:" in said


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 14, 1), (4, 0, 0)])
def test_new_version_is_accepted(version):
    """The oldest supported version and all newer ones are fine."""
    assert bootstrap.complaint(version) == ""


def test_old_python_can_read_it(checkout):
    """Its syntax is one that Python 3.6 reads."""
    ast.parse((checkout / "bootstrap.py").read_text(), feature_version=(3, 6))


@pytest.mark.skipif(not OLD, reason="no older Python on this machine")
@pytest.mark.parametrize("python", OLD, ids=lambda path: path.parents[1].name)
def test_old_python_says_it(python, checkout):
    """A real older Python ends with the error and exit code 7."""
    done = subprocess.run(
        [python, checkout / "bootstrap.py"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 7
    assert done.stderr.startswith("error: karl.recipe needs Python 3.11")
    assert "Traceback" not in done.stderr
