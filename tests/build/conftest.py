from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from packaging.utils import parse_sdist_filename, parse_wheel_filename

from karl.recipe.release import files, lockfile
from karl.recipe.release.index import materialise
from karl.recipe.release.layout import SoftwareLayout
from karl.recipe.release.lockfile import File, Index, Lock, Package
from karl.recipe.release.names import IndexName
from karl.recipe.release.pool import Pool
from karl.recipe.release.reporter import SilentTask

LXML_SDIST = "lxml-6.1.3.tar.gz"
LXML_SHA256 = "45222d94ddd511536f3b2f7d9deae3b2339b4ce0f075f1ca25703b07cad9dd21"
XMLSEC_SDIST = "xmlsec-1.3.17.tar.gz"
XMLSEC_SHA256 = "f3fac9ae679f66585925cc00c5f6839ae36c1d03157619571dee18acc05b9c01"

Indexer = Callable[..., Index]


@dataclass
class Notes(SilentTask):
    """A reporter that remembers what it is told."""

    said: list[str] = field(default_factory=list)
    beats: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.said.append(text)

    def task(self, label: str, total: int | None = None, unit: str = "") -> Notes:
        self.said.append(label)
        return self

    def advance(self, amount: int = 1, note: str = "") -> None:
        self.beats.append(note)


@pytest.fixture
def notes() -> Notes:
    """Remembers what an operation reports."""
    return Notes()


@pytest.fixture(scope="session")
def downloads(cache: Path) -> Callable[[str], Path]:
    """Download a file of a public project once, and return where it is."""
    folder = cache / "downloads"

    def fetch(requirement: str, *, sdist: bool = False) -> Path:
        kind = "sdist" if sdist else f"wheel-{sys.implementation.cache_tag}"
        place = folder / f"{requirement}-{kind}"
        if not place.is_dir():
            project = requirement.partition("==")[0]
            choice = ("--no-binary", project) if sdist else ("--only-binary", ":all:")
            with files.new_tree(place) as partial:
                argv = [
                    sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                    "--disable-pip-version-check", *choice, "--dest", str(partial), requirement,
                ]  # fmt: skip
                subprocess.run(argv, check=True)
        (found,) = place.iterdir()
        return found

    return fetch


def make_index(
    software: SoftwareLayout, name: str, paths: Sequence[Path], linked: Sequence[str]
) -> Index:
    """Write an index of exactly the files *paths*, with real pages."""
    pool = Pool(software)
    packages: dict[str, Package] = {}
    for path in paths:
        pool.add(path)
        found = File(path.name, files.sha256_of(path), path.stat().st_size)
        if path.suffix == ".whl":
            project, version, *_ = parse_wheel_filename(path.name)
            package = Package(project, str(version), wheels=(found,))
        else:
            project, version = parse_sdist_filename(path.name)
            package = Package(project, str(version), sdist=found)
        known = packages.get(project)
        if known:
            package = replace(
                package,
                wheels=(*known.wheels, *package.wheels),
                sdist=known.sdist or package.sdist,
            )
        packages[project] = package
    lock = Lock(
        IndexName.parse(name),
        tuple(sorted(packages.values(), key=lambda one: one.name)),
        ">=3.11",
        system_linked=tuple(linked),
    )
    files.write(software.index(lock.name).lock_file, lockfile.render(lock))
    index = Index.load(software, lock.name)
    materialise(software, index)
    return index


@pytest.fixture(scope="session")
def tools(downloads: Callable[..., Path]) -> list[Path]:
    """Build backends: flit_core and setuptools."""
    return [downloads("flit_core==4.2.0"), downloads("setuptools==84.2.1")]


@pytest.fixture
def indexed(software: SoftwareLayout, tools: list[Path]) -> Indexer:
    """Make an index of files, with the build backends in it."""

    def run(
        *paths: Path, name: str = "built/1", linked: Sequence[str] = ()
    ) -> Index:
        return make_index(software, name, [*tools, *paths], linked)

    return run


@pytest.fixture
def index_url(indexed: Indexer) -> str:
    """The URL of an index that holds build backends alone."""
    return indexed(name="backends/1").layout.simple.as_uri()


@pytest.fixture(scope="session")
def lxml_software(cache: Path) -> SoftwareLayout:
    """A pool that keeps the built lxml for as long as the cache lives."""
    return SoftwareLayout.below(cache / "linked")


@pytest.fixture(scope="session")
def lxml_index(
    lxml_software: SoftwareLayout, tools: list[Path], downloads: Callable[..., Path]
) -> Index:
    """A real index with lxml's sdist and what it is built with."""
    sdist = downloads("lxml==6.1.3", sdist=True)
    assert files.sha256_of(sdist) == LXML_SHA256
    cython = downloads("Cython==3.2.9")
    return make_index(lxml_software, "linked/1", [*tools, cython, sdist], ["lxml"])
