"""Where the benchmarks work, and what several of them need ready."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import ours
from benchmarks.ours import Wheel
from benchmarks.programs import ROOT, Command, output, timed
from benchmarks.progress import Progress
from benchmarks.softwaresets import SoftwareSet

_CONFIG = """\
[buildout]
extends = {extends}
parts = index release

[karl]
base = {root}
pool = {set.pool}
indexes = {set.indexes}
store = {folder}/store

[site]
name = bench
customer = {customer}
version = {version}
root = {folder}/site

[release]
eggs =
    {eggs}
# The ordinary wheel of lxml, so that all install the same bytes.
system-linked =
# Nothing is served.
after-switch =
"""


@dataclass(frozen=True)
class Buildout:
    """A buildout with the release recipe, its own site and its own store.

    :ivar folder: of all of it.
    """

    software: SoftwareSet
    folder: Path

    @property
    def site(self) -> Path:
        """The site's root."""
        return self.folder / "site"

    @property
    def store(self) -> Path:
        """The store."""
        return self.folder / "store"

    @property
    def places(self) -> tuple[Path, Path, Path]:
        """Pool, indexes and store."""
        return self.software.pool, self.software.indexes, self.store

    def release(self, index: str) -> Path:
        """Return the release of an index."""
        return ours.release_root(self.site, index.partition("/")[2])

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.folder / "buildout.cfg"

    def begin(self) -> None:
        """Write the configuration into the folder, which is empty."""
        customer, _, version = self.software.first.partition("/")
        text = _CONFIG.format(
            extends=ROOT / "buildouts" / self.software.extends,
            root=ROOT,
            set=self.software,
            folder=self.folder,
            customer=customer,
            version=version,
            eggs="\n    ".join(self.software.eggs),
        )
        self.config.write_text(text, encoding="utf-8")

    def run(self, index: str, home: Path) -> float:
        """Run ``bin/buildout`` for the release of *index*; return its seconds."""
        version = f"site:version={index.partition('/')[2]}"
        argv: Command = [ROOT / "bin" / "buildout", "-c", self.config, version]
        return timed(argv, home=home, cwd=self.folder)


@dataclass(frozen=True)
class Ready:
    """What is ready of a set.

    :ivar buildout: with both releases built.
    :ivar wheels: those of the first release, which all others install too.
    :ivar simple: index of just these, as folders with pages.
    :ivar requirements: file with a line for each, with hashes.
    """

    software: SoftwareSet
    buildout: Buildout
    wheels: list[Wheel]
    simple: Path
    requirements: Path


@dataclass
class Workshop:
    """A folder, and how much is to be done.

    :ivar root: for everything; removed afterwards.
    :ivar rounds: of each case.
    """

    root: Path
    rounds: int
    progress: Progress
    _ready: dict[str, Ready] = field(default_factory=dict)
    _environments: dict[str, Path] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """Home of all programs: empty at first."""
        path = self.root / "home"
        path.mkdir(exist_ok=True)
        return path

    def folder(self, name: str) -> Path:
        """Return a new folder of that name."""
        path = self.root / name
        path.mkdir()
        return path

    def ready(self, software: SoftwareSet) -> Ready:
        """Return what is ready of a set; fills its pool, if it must."""
        if software.name not in self._ready:
            self._ready[software.name] = self._make(software)
        return self._ready[software.name]

    def _make(self, software: SoftwareSet) -> Ready:
        self.progress.say(f"making {software.title} ready ...")
        software.make(software.pool, software.indexes, self.home)
        buildout = Buildout(software, self.folder(f"{software.name}-ready"))
        buildout.begin()
        buildout.run(software.first, self.home)
        buildout.run(software.second, self.home)
        wheels = ours.wheels_of(buildout.release(software.first), software.pool)
        simple = self.folder(f"{software.name}-simple")
        requirements = self.root / f"{software.name}-requirements.txt"
        write_index(simple, wheels)
        write_requirements(requirements, wheels)
        return Ready(software, buildout, wheels, simple, requirements)

    def environment(self, software: SoftwareSet) -> Path:
        """Return a virtual environment of a set, made by pip, with bytecode."""
        if software.name not in self._environments:
            ready = self.ready(software)
            folder = self.folder(f"{software.name}-environment")
            self.progress.say(f"installing {software.title} by pip ...")
            for argv in pip_commands(ready, folder):
                output(argv, home=self.home)
            self._environments[software.name] = folder
        return self._environments[software.name]


def pip_commands(ready: Ready, folder: Path) -> list[Command]:
    """Return the commands that make *folder* an environment with a set, by pip."""
    base = Path(sys.executable).resolve()
    return [
        [base, "-m", "venv", "--without-pip", folder],
        [
            sys.executable, "-m", "pip", "--python", folder / "bin" / "python",
            "install", "--quiet", "--no-deps", "--require-hashes",
            "--index-url", ready.simple.as_uri(),
            "--requirement", ready.requirements,
        ],
    ]  # fmt: skip


def write_index(simple: Path, wheels: list[Wheel]) -> None:
    """Write a folder a project, with its wheel and a page with the hash.

    zc.buildout reads the folder, pip and uv the page.
    """
    for wheel in wheels:
        folder = simple / wheel.name
        folder.mkdir()
        (folder / wheel.path.name).symlink_to(wheel.path)
        link = f"{wheel.path.name}#sha256={wheel.sha256}"
        page = f'<!DOCTYPE html><a href="{link}">{wheel.path.name}</a>\n'
        (folder / "index.html").write_text(page, encoding="utf-8")


def write_requirements(path: Path, wheels: list[Wheel]) -> None:
    """Write pins with hashes."""
    lines = (f"{w.name}=={w.version} --hash=sha256:{w.sha256}\n" for w in wheels)
    path.write_text("".join(lines), encoding="utf-8")
