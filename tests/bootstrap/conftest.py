"""Real runs of bootstrap.py in copies of the checkout."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import tomli_w

#: What bootstrap.py needs of a checkout.
PARTS = (
    "bootstrap.py", "toolchain", "tour", "indexes/toolchain", "indexes/toolchain-test",
)  # fmt: skip

#: Nobody listens there.
CLOSED = "http://127.0.0.1:9/simple"


def closed_environment(home: Path) -> dict[str, str]:
    """Return an environment without a home and without a network."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("COV")}
    return {
        **kept,
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": CLOSED,
        "PIP_RETRIES": "0",
    }


@dataclass
class Copy:
    """A copy of the checkout.

    :ivar environment: of the programs that run in it.
    """

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(
        self,
        argv: Sequence[str | Path],
        environment: Mapping[str, str] = {},  # never changed
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program and return what it said."""
        return subprocess.run(
            argv,
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            cwd=cwd or self.root,
            env={**self.environment, **environment},
        )

    def bootstrap(
        self,
        *arguments: str,
        environment: Mapping[str, str] = {},
    ) -> subprocess.CompletedProcess[str]:
        """Run bootstrap.py."""
        return self.run(
            [sys.executable, self.root / "bootstrap.py", *arguments], environment
        )

    def in_use(self) -> str:
        """Return the name of the environment in use."""
        return (self.root / ".venv").readlink().name

    def tool_files(self) -> list[str]:
        """Return the names of all files of the tools' index."""
        text = (self.root / "indexes/toolchain/1/pylock.toml").read_text()
        return [
            file["name"]
            for package in tomllib.loads(text)["packages"]
            for file in [*package.get("wheels", ()), package.get("sdist")]
            if file
        ]

    def tool_file(self, project: str) -> Path:
        """Return the one file of *project* in the pool."""
        (path,) = (self.root / "pool").glob(f"{project}-*")
        return path

    def environments(self) -> list[str]:
        """Return the names of all environments, whole or not."""
        return sorted(
            path.name for path in (self.root / ".venvs").iterdir() if path.is_dir()
        )


def shrink(root: Path) -> None:
    """Leave three tools and one distribution: enough for what is no tool's matter."""
    path = root / "indexes/toolchain/1/pylock.toml"
    lock = tomllib.loads(path.read_text())
    lock["packages"] = [
        package
        for package in lock["packages"]
        if package["name"] in ("pip", "flit-core", "tomli-w")
    ]
    path.write_text(tomli_w.dumps(lock))
    for tree in ("karl.recipe.evolve", "karl.recipe.zeoserver"):
        shutil.rmtree(root / "src" / tree)


@pytest.fixture(scope="session")
def copied(checkout: Path) -> Callable[..., Copy]:
    """Copy the checkout to a folder, with or without its pool, or few tools."""

    def make(root: Path, *, pool: bool = True, small: bool = False) -> Copy:
        for part in PARTS:
            source = checkout / part
            target = root / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "simple")
                shutil.copytree(source, target, ignore=ignored)
            else:
                shutil.copy2(source, target)
        for tree in sorted(checkout.glob("src/*")):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(tree, root / "src" / tree.name, ignore=ignored)
        if small:
            shrink(root)
        (root / "pool").mkdir()
        copy = Copy(root, closed_environment(root / "no-home"))
        for name in copy.tool_files() if pool else ():
            foreign = "linux" in name and platform.machine() not in name
            if not foreign and (checkout / "pool" / name).exists():
                shutil.copy2(checkout / "pool" / name, root / "pool" / name)
        return copy

    return make


@pytest.fixture(scope="module")
def ready(
    copied: Callable[..., Copy], tmp_path_factory: pytest.TempPathFactory
) -> Copy:
    """A copy in which bootstrap.py has run, offline, from the pool."""
    copy = copied(tmp_path_factory.mktemp("a checkout's copy") / "karl")
    done = copy.bootstrap("--offline")
    assert done.returncode == 0, done.stderr
    return copy


@pytest.fixture(scope="module")
def small(
    copied: Callable[..., Copy], tmp_path_factory: pytest.TempPathFactory
) -> Copy:
    """The same with few tools, for what breaks and repairs it."""
    copy = copied(tmp_path_factory.mktemp("small") / "karl", small=True)
    done = copy.bootstrap("--offline")
    assert done.returncode == 0, done.stderr
    return copy
