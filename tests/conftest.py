"""Fixtures that tests of every area share."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from support.schemas import watched

from karl.recipe.release.base.layout import SoftwareLayout

ROOT = Path(__file__).parents[1]

#: What a machine may add to what pip and uv find; no test may depend on it.
_FOREIGN = (
    "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PYTHONPATH",
    "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX", "UV_OFFLINE",
)  # fmt: skip


@pytest.fixture(autouse=True, scope="session")
def _plain_environment():
    """Hide what this machine adds to pip and uv."""
    patch = pytest.MonkeyPatch()
    for name in _FOREIGN:
        patch.delenv(name, raising=False)
    patch.setenv("PIP_CONFIG_FILE", os.devnull)
    patch.setenv("UV_NO_CONFIG", "1")
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def _described_answers():
    """Compare what commands print as JSON with its schemas, whoever runs them."""
    patch = pytest.MonkeyPatch()
    compared = watched(subprocess.Popen.communicate)
    patch.setattr(subprocess.Popen, "communicate", compared)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The root of the checkout: to be read, never written to."""
    return ROOT


@pytest.fixture
def software(tmp_path: Path) -> SoftwareLayout:
    """An empty pool, no indexes and an empty store."""
    return SoftwareLayout.below(tmp_path)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what is slow to make, such as a built wheel.

    All processes of a session share it; what they make there, they make under a
    lock.  It lives as long as the session, or for ever where KARL_TEST_CACHE
    names it; what is in it must be checked by hash before use.
    """
    named = os.environ.get("KARL_TEST_CACHE")
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    path = Path(named) if named else base / "cache"
    path.mkdir(parents=True, exist_ok=True)
    return path
