"""The shape of the distributions, as CONTRIBUTING.md gives it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "src"

#: Each package of each distribution with those that it may import.
ALLOWED = {
    "karl.recipe.release": {
        "base": set(),
        "distributions": {"base"},
        "building": {"base", "distributions"},
        "indexes": {"base", "distributions", "building"},
        "trees": {"base", "distributions", "building", "indexes"},
        "sites": {"base", "trees"},
    },
    "karl.recipe.zeoserver": {
        "layouts": set(),
        "declaration": {"layouts"},
        "rendering": {"layouts", "declaration"},
        "databases": {"layouts"},
        "servers": {"layouts", "declaration", "rendering", "databases"},
        "backups": {"layouts", "databases"},
        "operations": {
            "layouts", "declaration", "rendering", "databases", "servers", "backups",
        },
        "commands": {
            "layouts", "declaration", "rendering", "databases", "servers", "backups",
            "operations",
        },
        "installation": {
            "layouts", "declaration", "rendering", "databases", "servers",
            "operations",
        },
    },
    "karl.recipe.evolve": {
        # What runs with a release's software imports nothing of ours above it.
        "steps": set(),
        "running": {"steps"},
        "modes": set(),
        "declaration": set(),
        "rendering": {"declaration"},
        "serving": {"declaration", "rendering", "modes", "running"},
        # It drives the others through their commands.
        "upgrade": {"declaration"},
        "rollout": {"declaration", "upgrade"},
        "installation": {"declaration", "rendering", "rollout", "serving"},
    },
}  # fmt: skip

#: The modules that zc.buildout loads.
RECIPES = {
    "karl.recipe.release": {"recipe.py", "indexrecipe.py"},
    "karl.recipe.zeoserver": {"recipe.py"},
    "karl.recipe.evolve": {"recipe.py", "rolloutrecipe.py"},
}

PACKAGES = [
    pytest.param(name, package, id=f"{name}-{package}")
    for name, packages in ALLOWED.items()
    for package in packages
]


def folder(name: str) -> Path:
    """Return the folder of a distribution's code."""
    return SOURCES / name / "src" / Path(*name.split("."))


def imported(path: Path) -> Iterator[str]:
    """Yield the full name of everything that a module imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield f"{node.module}"


@pytest.mark.parametrize(("name", "package"), PACKAGES)
def test_packages_import_one_way(name, package):
    """No package imports one that stands above it."""
    found = {
        other.removeprefix(f"{name}.").partition(".")[0]
        for path in (folder(name) / package).glob("*.py")
        for other in imported(path)
        if other.startswith(f"{name}.")
    }
    assert found - {package} <= ALLOWED[name][package]


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_only_recipes_import_buildout(name):
    """zc.buildout is imported by the thin recipes alone."""
    users = {
        path.relative_to(folder(name)).as_posix()
        for path in folder(name).rglob("*.py")
        if any(other.startswith("zc.buildout") for other in imported(path))
    }
    assert users == RECIPES[name]


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_every_package_is_known(name):
    """A new package has its place in the order."""
    packages = {path.parent.name for path in folder(name).glob("*/__init__.py")}
    assert packages == set(ALLOWED[name])


def test_others_share_the_base_alone():
    """Another distribution imports nothing of karl.recipe.release but its base."""
    found = {
        other
        for name in ("karl.recipe.zeoserver", "karl.recipe.evolve")
        for path in folder(name).rglob("*.py")
        for other in imported(path)
        if other.startswith("karl.recipe.release.")
        and not other.startswith("karl.recipe.release.base")
    }
    assert not found
