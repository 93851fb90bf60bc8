"""Those who install a set of distributions."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from benchmarks import ours
from benchmarks.operation import timed_operation
from benchmarks.programs import COMMANDS, output, timed
from benchmarks.rounds import Contender
from benchmarks.workshop import Buildout, Ready, Workshop, pip_commands

#: Rounds of what takes minutes.
_MOST = 3

COLD = "karl.recipe, empty store: bin/buildout"
NEXT = "karl.recipe, next version: bin/buildout"
COLD_ALONE = "karl.recipe, empty store: the operation alone"
NEXT_ALONE = "karl.recipe, next version: the operation alone"
EGGS = "zc.buildout, empty eggs directory"
EGGS_NEXT = "zc.buildout, next version, full eggs directory"
PIP = "pip, fresh environment"
UV = "uv, fresh environment, warm cache, hard links, no bytecode"
UV_COMPILED = "uv, fresh environment, warm cache, hard links, bytecode"


class DifferentSetError(Exception):
    """A contender installed something else than the others."""


def recipe(shop: Workshop, ready: Ready) -> list[Contender]:
    """Return the recipe in whole processes: the first release, then the next."""
    software = ready.software
    buildout = Buildout(software, shop.root / f"{software.name}-recipe")
    return [
        Contender(
            COLD, lambda: buildout.run(software.first, shop.home), buildout.renew
        ),
        Contender(NEXT, lambda: buildout.run(software.second, shop.home)),
    ]


def operation(shop: Workshop, ready: Ready) -> list[Contender]:
    """Return the same without zc.buildout, and without the start of Python."""
    software = ready.software
    buildout = Buildout(software, shop.root / f"{software.name}-operation")

    def build(index: str) -> float:
        return timed_operation(
            "build",
            home=shop.home,
            places=buildout.places,
            site=buildout.site,
            index=index,
            eggs=software.eggs,
        )

    return [
        Contender(COLD_ALONE, lambda: build(software.first), buildout.renew),
        Contender(NEXT_ALONE, lambda: build(software.second)),
    ]


def pip(shop: Workshop, ready: Ready) -> Contender:
    """Return pip, which compiles bytecode."""
    folder = shop.root / f"{ready.software.name}-pip"
    return _environment(shop, ready, PIP, folder, pip_commands(ready, folder))


def uv(shop: Workshop, ready: Ready, *, compiled: bool) -> Contender:
    """Return uv; its cache is filled by the installation before the first round."""
    name = UV_COMPILED if compiled else UV
    folder = shop.root / f"{ready.software.name}-{'uvc' if compiled else 'uv'}"
    program = COMMANDS / "uv"
    cache = ["--quiet", "--cache-dir", shop.root / "uv-cache", "--offline"]
    install: list[str | Path] = [
        program, "pip", "install", *cache,
        "--python", folder / "bin" / "python", "--link-mode", "hardlink",
        "--no-deps", "--require-hashes", "--index-url", ready.simple.as_uri(),
        "--requirements", ready.requirements,
    ]  # fmt: skip
    if compiled:
        install.append("--compile-bytecode")
    base = Path(sys.executable).resolve()
    commands = [[program, "venv", *cache, "--python", base, folder], install]
    for argv in commands:
        output(argv, home=shop.home)
    return _environment(shop, ready, name, folder, commands)


def _environment(
    shop: Workshop,
    ready: Ready,
    name: str,
    folder: Path,
    commands: Sequence[Sequence[str | Path]],
) -> Contender:
    def prepare() -> None:
        if folder.exists():
            ours.remove_tree(folder)

    def run() -> float:
        seconds = sum(timed(argv, home=shop.home) for argv in commands)
        _same(ready.software.first, _installed([_packages(folder)]), _wanted(ready))
        return seconds

    return Contender(name, run, prepare)


@dataclass(frozen=True)
class Eggs:
    """zc.buildout with zc.recipe.egg."""

    shop: Workshop
    ready: Ready
    folder: Path

    def renew(self) -> None:
        """Begin with an empty eggs directory."""
        if self.folder.exists():
            ours.remove_tree(self.folder)
        self.folder.mkdir()

    def run(self, simple: Path, wanted: Mapping[str, str]) -> float:
        """Install what is *wanted* and return the seconds that it took."""
        config = self.folder / "buildout.cfg"
        config.write_text(
            _EGGS.format(
                simple=simple.as_uri(),
                eggs="\n    ".join(self.ready.software.eggs),
                versions="\n".join(f"{n} = {v}" for n, v in sorted(wanted.items())),
            ),
            encoding="utf-8",
        )
        argv = [sys.executable, COMMANDS / "buildout", "-c", config]
        seconds = timed(argv, home=self.shop.home, cwd=self.folder)
        ask = "import json, sys; print(json.dumps(sys.path))"
        path = output([self.folder / "bin" / "py", "-c", ask], home=self.shop.home)
        _same("zc.buildout", _installed(json.loads(path)), wanted)
        return seconds


_EGGS = """\
[buildout]
parts = eggs
index = {simple}
eggs-directory = eggs
allow-picked-versions = false
newest = false

[eggs]
recipe = zc.recipe.egg
interpreter = py
eggs =
    {eggs}

[versions]
{versions}
"""


def eggs(shop: Workshop, ready: Ready, simple_next: Path) -> list[Contender]:
    """Return zc.buildout: the first version, then the next one.

    :param simple_next: index of the wheels of the next version.
    """
    software = ready.software
    both = Eggs(shop, ready, shop.root / f"{software.name}-eggs")
    release = ready.buildout.release(software.second)
    second = {w.name: w.version for w in ours.wheels_of(release, software.pool)}
    return [
        Contender(EGGS, lambda: both.run(ready.simple, _wanted(ready)), both.renew,
                  _MOST),
        Contender(EGGS_NEXT, lambda: both.run(simple_next, second), most=_MOST),
    ]  # fmt: skip


def _packages(environment: Path) -> str:
    (found,) = environment.glob("lib/python*/site-packages")
    return str(found)


def _wanted(ready: Ready) -> dict[str, str]:
    return {wheel.name: wheel.version for wheel in ready.wheels}


def _installed(path: Sequence[str]) -> dict[str, str]:
    """Return the distributions on *path*, normalised name and version."""
    found = {}
    for distribution in distributions(path=list(path)):
        name = distribution.metadata["Name"].lower().replace("_", "-").replace(".", "-")
        found.setdefault(name, distribution.version)
    return found


def _same(who: str, installed: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    """Refuse to compare those who installed different sets.

    :raises DifferentSetError: tells what differs.
    """
    missing = sorted(wanted.items() - installed.items())
    if missing:
        raise DifferentSetError(f"{who} lacks {missing}; has {sorted(installed)}")
