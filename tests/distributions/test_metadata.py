"""What the three distributions say of themselves is true, and the same."""

from __future__ import annotations

import ast
import functools
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from support.distributions import NAMES, ROOT, metadata

#: What each runs as a program, without importing it.
PROGRAMS = {
    "karl.recipe.evolve": set(),
    "karl.recipe.release": {"uv"},
    "karl.recipe.zeoserver": {"supervisor"},
}

#: What a site's release has, and a test's Python need not have.
SERVERS = {"gunicorn": "gunicorn", "paste": "PasteDeploy"}

#: What comes with ZODB, and never without it, need not be said.
BESIDE_ZODB = {"btrees", "persistent", "transaction", "zc-lockfile", "zconfig"}


def folder(name: str) -> Path:
    """Return the folder of a distribution's code."""
    return ROOT / "src" / name / "src" / Path(*name.split("."))


def required(name: str) -> dict[str, Requirement]:
    """Return what a distribution requires, its extras too, by name."""
    project = metadata(name)["project"]
    extras = project.get("optional-dependencies", {}).values()
    lines = [*project["dependencies"], *(line for extra in extras for line in extra)]
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(one.name): one for one in found}


def imported(name: str) -> set[str]:
    """Return the modules of others that a distribution imports."""
    found = set()
    for path in folder(name).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(str(node.module))
    return {
        one
        for one in found
        if one.partition(".")[0] not in sys.stdlib_module_names
        and not f"{one}.".startswith(f"{name}.")
    }


def test_the_three_agree():
    """Python, licence, authors, classifiers, build backend and version are the same."""
    same = ("requires-python", "license", "license-files", "authors", "classifiers")
    told = [
        (
            metadata(name)["build-system"],
            {key: metadata(name)["project"][key] for key in same},
            version(name),
            (ROOT / "src" / name / "LICENSE").read_text(),
        )
        for name in NAMES
    ]
    assert told[0] == told[1] == told[2]
    assert told[0][3] == (ROOT / "LICENSE").read_text()


def version(name: str) -> str:
    """Return the version that a package gives itself."""
    text = (folder(name) / "__init__.py").read_text()
    (found,) = re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    return str(found)


@pytest.mark.parametrize("name", NAMES)
def test_the_newest_changes_are_those_of_the_version(name):
    """CHANGES.md begins with the version that the package has."""
    text = (ROOT / "src" / name / "CHANGES.md").read_text()
    title, newest = re.findall(r"^#+ (.+)$", text, re.MULTILINE)[:2]
    assert title == f"Changes of {name}"
    assert newest.split()[0] == version(name)


def test_they_suit_each_other():
    """What one requires of another is what the other is."""
    for name in NAMES:
        for other in set(required(name)) & {canonicalize_name(n) for n in NAMES}:
            wanted = required(name)[other].specifier
            assert version(other.replace("-", ".")) in wanted, (name, other)


installed = functools.cache(packages_distributions)


def owner(module: str) -> str:
    """Return the distribution of a module that is imported."""
    top, second, third = (*module.split("."), "", "")[:3]
    if top == "zc":
        found = f"zc.{second}"
    elif top == "karl":
        found = f"karl.{second}.{third}"
    elif top in SERVERS:
        found = SERVERS[top]
    else:
        found = installed()[top][0]
    project = canonicalize_name(found)
    return "zodb" if project in BESIDE_ZODB else project


@pytest.mark.parametrize("name", NAMES)
def test_what_is_imported_is_required_and_nothing_else(name):
    """A module of others has a requirement, and a requirement is used."""
    used = {owner(module) for module in imported(name)}
    assert used | PROGRAMS[name] == set(required(name))


def test_what_a_site_needs_the_sample_has():
    """The requirements of a site's release are met by the sample's frozen index."""
    text = (ROOT / "indexes/acme/1.1/versions.cfg").read_text()
    pins = dict(re.findall(r"^(\S+) = (\S+)$", text, re.MULTILINE))
    extras = metadata("karl.recipe.evolve")["project"]["optional-dependencies"]
    for line in extras["site"]:
        wanted = Requirement(line)
        assert pins[canonicalize_name(wanted.name)] in wanted.specifier


def test_the_tested_pythons_are_named():
    """The classifiers name the Pythons that the frozen tools have files for."""
    project = metadata(NAMES[0])["project"]
    named = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
    text = (ROOT / "indexes/toolchain/1/pylock.toml").read_text()
    held = {f"3.{minor}" for minor in re.findall(r'"cp3(\d+)-manylinux', text)}
    assert set(named) == held
    assert all(one in SpecifierSet(project["requires-python"]) for one in named)


@pytest.mark.parametrize("name", NAMES)
def test_entry_points_lead_somewhere(name):
    """Each entry point names a module of the distribution, and something in it."""
    project = metadata(name)["project"]
    groups = [*project["entry-points"].values(), project.get("scripts", {})]
    for point in (point for group in groups for point in group.values()):
        module, _, attribute = point.partition(":")
        path = folder(name).joinpath(*module.split(".")[3:]).with_suffix(".py")
        names = {
            node.name
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }
        assert attribute in names, point
