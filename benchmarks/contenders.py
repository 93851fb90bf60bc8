"""Those who install a set of distributions."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path

from benchmarks import ours
from benchmarks.operation import timed_operation
from benchmarks.programs import COMMANDS, Command, output, timed
from benchmarks.rounds import Contender
from benchmarks.workshop import Buildout, Ready, Workshop, pip_commands

#: Rounds of what takes minutes.
_MOST = 2

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
    place = f"{software.name}-recipe"

    def cold(folder: Path) -> float:
        buildout = Buildout(software, folder)
        buildout.begin()
        return buildout.run(software.first, shop.home)

    def following(folder: Path) -> float:
        return Buildout(software, folder).run(software.second, shop.home)

    return [Contender(COLD, place, cold), Contender(NEXT, place, following)]


def operation(shop: Workshop, ready: Ready) -> list[Contender]:
    """Return the same without zc.buildout, and without the start of Python."""
    software = ready.software
    place = f"{software.name}-operation"

    def build(folder: Path, index: str) -> float:
        buildout = Buildout(software, folder)
        return timed_operation(
            "build",
            home=shop.home,
            places=buildout.places,
            site=buildout.site,
            index=index,
            eggs=software.eggs,
        )

    return [
        Contender(COLD_ALONE, place, lambda folder: build(folder, software.first)),
        Contender(NEXT_ALONE, place, lambda folder: build(folder, software.second)),
    ]


def pip(shop: Workshop, ready: Ready) -> Contender:
    """Return pip, which compiles bytecode."""

    def run(folder: Path) -> float:
        return _run(shop, ready, pip_commands(ready, folder), folder)

    return Contender(PIP, f"{ready.software.name}-pip", run)


def uv(shop: Workshop, ready: Ready, *, compiled: bool) -> Contender:
    """Return uv; the warm-up fills its cache."""

    def run(folder: Path) -> float:
        commands = uv_commands(shop, ready, folder, compiled=compiled)
        return _run(shop, ready, commands, folder)

    name, place = (UV_COMPILED, "uv-compiled") if compiled else (UV, "uv")
    return Contender(name, f"{ready.software.name}-{place}", run)


def uv_commands(
    shop: Workshop, ready: Ready, folder: Path, *, compiled: bool
) -> list[Command]:
    """Return the commands that make *folder* an environment with a set, by uv."""
    program = COMMANDS / "uv"
    common = ["--quiet", "--offline", "--cache-dir", str(shop.root / "uv-cache")]
    base = Path(sys.executable).resolve()
    install: list[str | Path] = [
        program, "pip", "install", *common,
        "--python", folder / "bin" / "python", "--link-mode", "hardlink",
        "--no-deps", "--require-hashes", "--index-url", ready.simple.as_uri(),
        "--requirements", ready.requirements,
    ]  # fmt: skip
    if compiled:
        install.append("--compile-bytecode")
    return [[program, "venv", *common, "--python", base, folder], install]


def _run(
    shop: Workshop, ready: Ready, commands: Sequence[Command], folder: Path
) -> float:
    """Run *commands*, which make *folder* an environment; return their seconds."""
    seconds = sum(timed(argv, home=shop.home) for argv in commands)
    _same(str(commands[-1][0]), _installed([_packages(folder)]), _wanted(ready))
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
    place = f"{software.name}-eggs"
    release = ready.buildout.release(software.second)
    second = {w.name: w.version for w in ours.wheels_of(release, software.pool)}

    def install(folder: Path, simple: Path, wanted: Mapping[str, str]) -> float:
        config = folder / "buildout.cfg"
        config.write_text(
            _EGGS.format(
                simple=simple.as_uri(),
                eggs="\n    ".join(software.eggs),
                versions="\n".join(f"{n} = {v}" for n, v in sorted(wanted.items())),
            ),
            encoding="utf-8",
        )
        argv: Command = [sys.executable, COMMANDS / "buildout", "-c", config]
        seconds = timed(argv, home=shop.home, cwd=folder)
        ask = "import json, sys; print(json.dumps(sys.path))"
        path = output([folder / "bin" / "py", "-c", ask], home=shop.home)
        _same("zc.buildout", _installed(json.loads(path)), wanted)
        return seconds

    def first(folder: Path) -> float:
        return install(folder, ready.simple, _wanted(ready))

    def following(folder: Path) -> float:
        return install(folder, simple_next, second)

    return [
        Contender(EGGS, place, first, _MOST),
        Contender(EGGS_NEXT, place, following, _MOST),
    ]


def _packages(environment: Path) -> str:
    (found,) = environment.glob("lib/python*/site-packages")
    return str(found)


def _wanted(ready: Ready) -> dict[str, str]:
    return {wheel.name: wheel.version for wheel in ready.wheels}


def _installed(path: Sequence[str]) -> dict[str, str]:
    """Return the distributions on *path*, normalised name and version."""
    found: dict[str, str] = {}
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
