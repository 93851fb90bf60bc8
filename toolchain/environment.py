"""Environments: made beside the one in use, then swapped in by one rename."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karl.recipe.release.base import files, process
from karl.recipe.release.base.reporter import Reporter
from toolchain.checkout import Checkout
from toolchain.pip import Pip
from toolchain.supply import Supply, has
from toolchain.tools import Toolchain

_STAMP = "bootstrap.json"


@dataclass(frozen=True)
class Request:
    """What an environment is to be made from.

    :ivar interpreter: the Python below it, a real path.
    :ivar with_tests: with the tools that tests need.
    """

    checkout: Checkout
    interpreter: str
    with_tests: bool

    @property
    def toolchain(self) -> Toolchain:
        """The tools to install."""
        index = self.checkout.index(with_tests=self.with_tests)
        return Toolchain(index.lock_file)

    def digest(self) -> str:
        """Return what tells this environment from every other."""
        digest = hashlib.sha256()
        for text in (str(self.checkout.root), self.interpreter, sys.version):
            digest.update(text.encode() + b"\0")
        digest.update(self.toolchain.content)
        for path in _sources(self.checkout):
            digest.update(str(path).encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()


def stamp_in_use(checkout: Checkout) -> dict[str, Any]:
    """Return the stamp of the environment in use; empty if there is none."""
    try:
        stamp = json.loads((checkout.link / _STAMP).read_bytes())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def trouble(request: Request) -> str:
    """Return why the environment in use does not serve; empty: it does.

    Compares the size of every file with what was installed, without running
    anything: it takes milliseconds.
    """
    link = request.checkout.link
    stamp = stamp_in_use(request.checkout)
    if not stamp:
        return "there is none that was completed"
    if stamp.get("digest") != request.digest():
        return "the one in use was made for other tools, another Python or folder"
    for name, size in stamp["files"].items():
        try:
            found = os.stat(f"{link}/{name}").st_size
        except OSError:
            return f"{name} is missing"
        if found != size:
            return f"{name} was changed"
    return ""


def make(request: Request, reporter: Reporter, *, offline: bool) -> None:
    """Make an environment and put it in use; the old one serves until then."""
    checkout = request.checkout
    remove_unused(checkout)
    place = checkout.environments / secrets.token_hex(4)
    try:
        _fill(request, place, reporter, offline=offline)
        files.write(place / _STAMP, json.dumps(_stamp(request, place)))
        files.sync_file_system(place)
        before = _in_use(checkout)
        files.swing_symlink(checkout.link, os.path.relpath(place, checkout.root))
    except BaseException:
        files.remove_tree(place)
        raise
    remove_unused(checkout, keep=before)


def remove_unused(checkout: Checkout, keep: Path | None = None) -> None:
    """Remove what is neither in use nor *keep*, such as a killed run's work.

    The one before stays until the next time: a command may still run from it.
    What cannot be removed is in nobody's way.
    """
    used = {checkout.lock.name, checkout.log.name}
    used |= {path.name for path in (_in_use(checkout), keep) if path}
    for path in checkout.environments.iterdir():
        if path.name not in used:
            files.try_to_remove(path)


def _in_use(checkout: Checkout) -> Path | None:
    return checkout.link.resolve() if checkout.link.is_symlink() else None


def _fill(request: Request, place: Path, reporter: Reporter, *, offline: bool) -> None:
    checkout = request.checkout
    toolchain = request.toolchain
    pool = checkout.software.pool
    process.run(
        [request.interpreter, "-I", "-m", "venv", "--symlinks", "--without-pip",
         "--prompt", "karl.recipe", place],
        env=process.clean_environment(),
    )  # fmt: skip
    pip = _first_pip(request, place, reporter)
    tools = toolchain.tools(pip.tags())
    wheels = [tool for tool in tools if tool.is_wheel]
    sdists = [tool for tool in tools if not tool.is_wheel]
    supply = Supply(checkout.software, pip)
    missing = supply.missing(tools)
    reporter.say(f"Missing in the pool: {len(missing)} of {len(tools)} files.")
    if missing and offline:
        raise supply.lack(missing)
    supply.fill(wheels)
    pip.install(wheels, pool)
    # Even to download an sdist pip runs its build backend: now there is one.
    pip = Pip(pip.python, checkout.log, reporter)
    Supply(checkout.software, pip).fill(sdists)
    pip.install(sdists, pool)
    pip.install_sources(checkout.distributions)


def _first_pip(request: Request, place: Path, reporter: Reporter) -> Pip:
    """Return a pip to begin with: the pool's, or the one Python came with."""
    python = place / "bin" / "python"
    pool = request.checkout.software.pool
    pinned = request.toolchain.pip()
    if has(pool, pinned):
        return Pip(python, request.checkout.log, reporter, pool / pinned.file)
    process.run(
        [python, "-I", "-m", "ensurepip", "--default-pip"],
        env=process.clean_environment(PIP_CONFIG_FILE=os.devnull),
    )
    return Pip(python, request.checkout.log, reporter)


def _stamp(request: Request, place: Path) -> dict[str, Any]:
    return {
        "digest": request.digest(),
        "with_tests": request.with_tests,
        "files": dict(sorted(_sizes(place))),
    }


def _sizes(place: Path) -> Iterator[tuple[str, int]]:
    for folder, folders, names in os.walk(place):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            path = os.path.join(folder, name)
            yield os.path.relpath(path, place), os.stat(path).st_size


def _sources(checkout: Checkout) -> list[Path]:
    """Return what our distributions' metadata is made from."""
    return [
        path
        for tree in checkout.distributions
        for path in (
            tree / "pyproject.toml",
            tree.joinpath("src", *tree.name.split("."), "__init__.py"),
        )
    ]
