from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.indexes import make_index

from karl.recipe.release.base import files
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.reporter import SilentTask
from karl.recipe.release.distributions.lockfile import Index

LXML_SHA256 = "45222d94ddd511536f3b2f7d9deae3b2339b4ce0f075f1ca25703b07cad9dd21"

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


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for temporary files, such as the logs of failed builds."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


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
        project = requirement.partition("==")[0]
        choice = ("--no-binary", project) if sdist else ("--only-binary", ":all:")
        with locked(folder / ".lock", "download", wait=300):
            if not place.is_dir():
                with files.new_tree(place) as partial:
                    argv = [
                        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                        "--disable-pip-version-check", *choice, "--dest", str(partial),
                        requirement,
                    ]  # fmt: skip
                    subprocess.run(argv, check=True)
        (found,) = place.iterdir()
        return found

    return fetch


@pytest.fixture(scope="session")
def tools(downloads: Callable[..., Path]) -> list[Path]:
    """Build backends: flit_core and setuptools."""
    return [downloads("flit_core==4.2.0"), downloads("setuptools==84.2.1")]


@pytest.fixture
def indexed(software: SoftwareLayout, tools: list[Path]) -> Indexer:
    """Make an index of files, with the build backends in it."""

    def run(*paths: Path, name: str = "built/1", linked: Sequence[str] = ()) -> Index:
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
    # An index for each process of the session; the built wheel is shared.
    name = f"linked/{os.environ.get('PYTEST_XDIST_WORKER', '1')}"
    return make_index(lxml_software, name, [*tools, cython, sdist], ["lxml"])


@pytest.fixture
def only_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """Make a machine that has, of all programs, only those named; give their folder."""

    def strip(*programs: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        for program in programs:
            found = shutil.which(program)
            assert found, program
            (folder / program).symlink_to(found)
        monkeypatch.setenv("PATH", str(folder))
        return folder

    return strip
