"""Our distributions: the same bytes everywhere, whole, and of use on their own."""

from __future__ import annotations

import email
import os
import re
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from support.distributions import ROOT, run

pytestmark = pytest.mark.slow

#: Imports every module of a package; prints those that miss something, and what.
_IMPORT_ALL = """
import importlib, pkgutil, sys

def look(name):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        print(name, error.name)
        return
    for info in pkgutil.iter_modules(getattr(module, "__path__", ())):
        if info.name != "__main__":
            look(f"{name}.{info.name}")

look(sys.argv[1])
"""


def test_the_same_bytes_everywhere(
    name, distribution, repository, publish, tmp_path, monkeypatch
):
    """Another clone, umask, time and time zone give the same sdist and wheel."""
    clone = tmp_path / "elsewhere" / "clone"
    run(["git", "clone", "--quiet", repository, clone], umask=0o077)
    for path in clone.rglob("*"):
        if not path.is_symlink():
            os.utime(path, (0, 1_000_000_000))
    monkeypatch.setenv("TZ", "America/Lima")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    before = os.umask(0o077)
    try:
        again = publish(clone / "src" / name, tmp_path / "again")
    finally:
        os.umask(before)
    assert again.bytes() == distribution.bytes()


def test_the_sdist_gives_the_same_bytes(distribution, publish, tmp_path):
    """Whoever has only the sdist gets the same sdist and wheel from it."""
    with tarfile.open(distribution.sdist) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (tree,) = (tmp_path / "unpacked").iterdir()
    # Written by flit, and by nobody else.
    (tree / "PKG-INFO").unlink()
    again = publish(tree, tmp_path / "again", "--allow-uncommitted")
    assert again.bytes() == distribution.bytes()


def test_the_archives_carry_what_they_should(name, distribution, repository):
    """Both have the code, the typing marker and the licence; README and metadata."""
    source = repository / "src" / name
    code = {
        path.relative_to(source / "src").as_posix(): path.read_bytes()
        for path in (source / "src").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert any(path.endswith("/py.typed") for path in code)
    with zipfile.ZipFile(distribution.wheel) as wheel:
        packed = {one: wheel.read(one) for one in wheel.namelist()}
    info = {one: data for one, data in packed.items() if ".dist-info/" in one}
    assert {one: packed[one] for one in packed.keys() - info.keys()} == code
    short = {one.partition(".dist-info/")[2]: data for one, data in info.items()}
    licence = (ROOT / "LICENSE").read_bytes()
    assert short["licenses/LICENSE"] == licence
    told = email.message_from_bytes(short["METADATA"])
    assert (told["Name"], told["License-Expression"]) == (name, "MIT")
    assert told["Description-Content-Type"] == "text/markdown"
    assert str(told.get_payload()).strip() == (source / "README.md").read_text().strip()
    with tarfile.open(distribution.sdist) as archive:
        top = archive.getnames()[0].partition("/")[0]
        members = {
            one.name.removeprefix(f"{top}/"): archive.extractfile(one).read()
            for one in archive
            if one.isfile()
        }
    beside = ("README.md", "CHANGES.md", "LICENSE", "pyproject.toml")
    for one in beside:
        assert members.pop(one) == (source / one).read_bytes()
    assert members.pop("PKG-INFO") == short["METADATA"]
    assert members == {f"src/{path}": content for path, content in code.items()}


def test_a_registry_would_take_them(distribution):
    """twine finds nothing to complain or to warn about."""
    archives = (distribution.sdist, distribution.wheel)
    told = run([sys.executable, "-m", "twine", "check", "--strict", *archives])
    assert told.count("PASSED") == len(archives)


class Installed:
    """A new virtual environment with some distributions."""

    def __init__(self, folder: Path, software: Path, *requirements: str) -> None:
        self.python = folder / "bin" / "python"
        run([sys.executable, "-m", "venv", "--without-pip", folder])
        run(
            ["uv", "pip", "install", "--quiet", "--no-config", "--no-cache",
             "--offline", "--no-index", "--find-links", software,
             "--python", self.python, *requirements],
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
        )  # fmt: skip

    def missing(self, name: str) -> dict[str, str]:
        """Import all of a package; return what its modules miss."""
        told = run([self.python, "-I", "-W", "error", "-c", _IMPORT_ALL, name])
        return dict(line.split() for line in told.splitlines())


@pytest.fixture(scope="module")
def everything(repository, publish, software, tmp_path_factory) -> Path:
    """A folder of what pip can install, with our distributions."""
    folder = tmp_path_factory.mktemp("everything")
    for path in software.iterdir():
        (folder / path.name).symlink_to(path)
    for tree in (repository / "src").iterdir():
        made = publish(tree, tmp_path_factory.mktemp("base"))
        (folder / made.wheel.name).symlink_to(made.wheel)
    return folder


def test_release_works_alone(everything, tmp_path):
    """karl.recipe.release brings all that it imports, and its command runs."""
    there = Installed(tmp_path / "env", everything, "karl.recipe.release")
    assert there.missing("karl.recipe.release") == {}
    told = run([tmp_path / "env/bin/karl-index", "--help"])
    assert "freeze" in told


def test_zeoserver_works_alone(everything, tmp_path):
    """Without its extra only what runs in servers misses something; with it nothing."""
    there = Installed(tmp_path / "env", everything, "karl.recipe.zeoserver")
    name = "karl.recipe.zeoserver"
    missing = there.missing(name)
    assert set(missing.values()) <= {"cryptography", "BTrees", "ZODB", "ZEO"} | {
        "zc.lockfile"
    }
    places = {module.removeprefix(f"{name}.").partition(".")[0] for module in missing}
    assert places <= {"commands", "databases", "servers"}
    full = Installed(tmp_path / "full", everything, "karl.recipe.zeoserver[server]")
    assert full.missing(name) == {}


def test_evolve_works_alone(everything, tmp_path):
    """The library for steps and the filter need nothing; the recipe its extra."""
    name = "karl.recipe.evolve"
    there = Installed(tmp_path / "env", everything, name)
    missing = there.missing(name)
    for package in ("steps", "modes"):
        assert not [one for one in missing if one.startswith(f"{name}.{package}")]
    assert "karl.recipe.evolve.recipe" in missing
    full = Installed(tmp_path / "full", everything, f"{name}[recipe]", "ZODB")
    assert full.missing(name) == {}


def test_buildout_alone_finds_each_recipe(everything, tmp_path):
    """zc.buildout installs each recipe, which says that an option is not right."""
    Installed(tmp_path / "env", everything, "zc.buildout")
    (tmp_path / "none").mkdir()
    for recipe in (
        "karl.recipe.release",
        "karl.recipe.release:index",
        "karl.recipe.zeoserver",
        "karl.recipe.evolve[recipe]",
        "karl.recipe.evolve[recipe]:rollout",
    ):
        (tmp_path / "buildout.cfg").write_text(
            f"[buildout]\nparts = one\nindex = {(tmp_path / 'none').as_uri()}\n"
            f"find-links = {everything}\n[one]\nrecipe = {recipe}\n"
        )
        with pytest.raises(AssertionError) as caught:
            run([tmp_path / "env/bin/buildout"], cwd=tmp_path)
        assert re.search(r"^Error: .*\bone\b", str(caught.value), re.MULTILINE)
