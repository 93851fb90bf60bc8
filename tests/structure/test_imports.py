"""The shape of karl.recipe.release, as CONTRIBUTING.md gives it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

NAME = "karl.recipe.release"
ROOT = Path(__file__).parents[2] / "src" / NAME / "src" / "karl" / "recipe" / "release"

#: Each package with those that it may import.
ALLOWED = {
    "base": set(),
    "distributions": {"base"},
    "building": {"base", "distributions"},
    "indexes": {"base", "distributions", "building"},
    "trees": {"base", "distributions", "building", "indexes"},
    "sites": {"base", "trees"},
}


def imported(path: Path) -> Iterator[str]:
    """Yield the full name of everything that a module imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield f"{node.module}"


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_packages_import_one_way(package):
    """No package imports one that stands above it."""
    found = {
        name.removeprefix(f"{NAME}.").partition(".")[0]
        for path in (ROOT / package).glob("*.py")
        for name in imported(path)
        if name.startswith(f"{NAME}.")
    }
    assert found - {package} <= ALLOWED[package]


def test_only_recipes_import_buildout():
    """zc.buildout is imported by the two thin recipes alone."""
    users = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if any(name.split(".")[0] == "zc" for name in imported(path))
    }
    assert users == {"recipe.py", "indexrecipe.py"}


def test_every_package_is_known():
    """A new package has its place in the order."""
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == set(ALLOWED)
