"""The three distributions of the suite: what they say, and what they are."""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karl.recipe.release.base import files

ROOT = Path(__file__).parents[2]
NAMES = ("karl.recipe.evolve", "karl.recipe.release", "karl.recipe.zeoserver")


def metadata(name: str) -> dict[str, Any]:
    """Return what a distribution's pyproject.toml says."""
    return tomllib.loads((ROOT / "src" / name / "pyproject.toml").read_text())


def run(argv: Sequence[str | Path], **more: Any) -> str:
    """Run a program that must succeed; return what it printed."""
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        **more,
    )  # fmt: skip
    assert done.returncode == 0, f"{argv}\n{done.stdout}{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Published:
    """A distribution in a pool.

    :ivar sdist: its source archive.
    :ivar wheel: built from that.
    """

    sdist: Path
    wheel: Path

    def bytes(self) -> list[tuple[str, str]]:
        """Return names and hashes."""
        return [(path.name, files.sha256_of(path)) for path in (self.sdist, self.wheel)]
