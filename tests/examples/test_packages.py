"""The sample packages as packages."""

from __future__ import annotations

import ast
import configparser
import re
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
PROJECTS = sorted(file.parent for file in EXAMPLES.glob("*/*/pyproject.toml"))


def project(folder: Path) -> dict:
    """The [project] table."""
    return tomllib.loads((folder / "pyproject.toml").read_text())["project"]


@pytest.fixture(params=PROJECTS, ids=lambda folder: "-".join(folder.parts[-2:]))
def folder(request) -> Path:
    """The source tree of one released version."""
    return request.param


def test_folder_names(folder):
    """A source tree is where its name and version say."""
    assert folder.parts[-2:] == (project(folder)["name"], project(folder)["version"])


def test_changes_start_with_the_version(folder):
    """The newest entry of the changelog is the version that is released."""
    changes = (folder / "CHANGES.md").read_text()
    assert re.search("^## (.*)$", changes, re.MULTILINE)[1] == folder.name


def test_reproducible(folder, python, tmp_path, build_example):
    """Built again, elsewhere and later, the wheel and the sdist are the same bytes."""
    for kind in ("wheel", "sdist"):
        first = build_example(python, folder, tmp_path / f"{kind}1", kind)
        second = build_example(python, folder, tmp_path / f"{kind}2", kind)
        assert first.read_bytes() == second.read_bytes()


def test_nothing_is_left_out(folder, python, tmp_path, build_example):
    """Wheel and sdist have every file of the source, and no other code."""
    source = folder / "src"
    wanted = {
        str(file.relative_to(source))
        for file in source.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    wheel = build_example(python, folder, tmp_path / "wheel", "wheel")
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert found == wanted
    sdist = build_example(python, folder, tmp_path / "sdist", "sdist")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/{name}" for name in wanted} <= names
    assert {"README.md", "CHANGES.md", "LICENSE", "pyproject.toml"} <= names


def test_declared_dependencies():
    """requirements.txt has what the packages declare, each other excepted."""
    declared = {
        requirement
        for folder in PROJECTS
        for requirement in project(folder)["dependencies"]
        if not requirement.startswith("karl.intranet")
    }
    lines = (EXAMPLES / "requirements.txt").read_text().splitlines()
    assert {line for line in lines if line and not line.startswith("#")} == declared


def imports(file: Path) -> set[str]:
    """The top-level packages that the code in ``file`` imports from."""
    names = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return {name.partition(".")[0] for name in names}


def test_everything_imported_is_declared(folder):
    """Each distribution that the code imports from is declared by name."""
    distributions = {
        "BTrees", "gunicorn", "lxml", "paste", "persistent", "pyramid", "transaction",
        "pyramid_zodbconn", "repoze", "ZConfig", "zodburi", "ZODB", "zope",
    }  # fmt: skip
    imported = set().union(*map(imports, (folder / "src").rglob("*.py")))
    imported -= sys.stdlib_module_names | {"karl", "acme"}
    assert imported <= distributions
    if folder.parts[-2] == "karl.intranet":
        declared = " ".join(project(folder)["dependencies"]).lower()
        names = {"paste": "pastedeploy", "zope": "zope.index"}
        for name in imported - {"zodburi"}:
            assert names.get(name, name).lower() in declared


def test_documented(releases):
    """The README tells of every setting, option and exit code."""
    text = (EXAMPLES / "karl.intranet" / "3.31" / "README.md").read_text()
    for command in ("serve", "fill", "evolve_status"):
        usage = releases["karl-3.31"].run(command, "--help").stdout
        assert f"karl-{command.replace('_', '-')}" in text
        for option in set(re.findall(r"--[a-z-]+", usage)) - {"--help"}:
            assert option in text, option
    listed = releases["karl-3.31"].script(
        "from karl.intranet.settings import DEFAULTS; print(*DEFAULTS)"
    )
    for setting in listed.split():
        assert f"`{setting}`" in text


def test_entry_points(wheels):
    """Every package is a PasteDeploy application; those with data name their steps."""
    for name, wheel in wheels.items():
        with zipfile.ZipFile(wheel) as archive:
            entry = next(
                n for n in archive.namelist() if n.endswith("entry_points.txt")
            )
            parser = configparser.ConfigParser(delimiters="=")
            parser.read_string(archive.read(entry).decode())
        assert parser.has_option("paste.app_factory", "main"), name
        assert parser.has_section("karl.evolve") == ("globex" not in name)
