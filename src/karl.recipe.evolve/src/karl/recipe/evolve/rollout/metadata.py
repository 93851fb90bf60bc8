"""What a source tree says of itself, as far as it says so without being built."""

from __future__ import annotations

import ast
import configparser
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karl.recipe.release.base.errors import RefusedError


@dataclass(frozen=True)
class Stated:
    """Name and version of a project; empty: only its build tells.

    :ivar name: as it is written there.
    """

    name: str
    version: str


def read(tree: Path) -> Stated:
    """Return what the metadata of a source tree says.

    :raises RefusedError: it is no source tree of a Python project.
    """
    pyproject = tree / "pyproject.toml"
    if pyproject.is_file():
        try:
            found = tomllib.loads(pyproject.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RefusedError(
                f"{pyproject.name} cannot be read: {error}.",
                "Correct it, and tag that.",
            ) from None
        project = found.get("project")
        if isinstance(project, dict) and isinstance(project.get("name"), str):
            return _of_project(tree, project)
    elif not (tree / "setup.py").is_file():
        raise RefusedError(
            "There is neither pyproject.toml nor setup.py.",
            "Name the folder of the package with the option folder.",
        )
    return _of_setup_cfg(tree / "setup.cfg")


def _of_project(tree: Path, project: dict[str, Any]) -> Stated:
    name, version = project["name"], project.get("version")
    if isinstance(version, str):
        return Stated(name, version)
    found = {text for path in _modules(tree, name) for text in _assigned(path)}
    return Stated(name, found.pop() if len(found) == 1 else "")


def _of_setup_cfg(path: Path) -> Stated:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return Stated("", "")
    name = parser.get("metadata", "name", fallback="").strip()
    version = parser.get("metadata", "version", fallback="").strip()
    literal = version[:1].isdigit()
    return Stated(name, version if literal else "")


def _modules(tree: Path, name: str) -> Iterator[Path]:
    """Yield the modules where a version may be assigned, that there are."""
    parts = name.replace("-", "_").split(".")
    for folder in (tree / "src", tree):
        for path in (
            folder.joinpath(*parts, "__init__.py"),
            folder.joinpath(*parts[:-1], f"{parts[-1]}.py"),
        ):
            if path.is_file():
                yield path


def _assigned(path: Path) -> Iterator[str]:
    """Yield what is assigned to ``__version__`` as a literal."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = [each.id for each in node.targets if isinstance(each, ast.Name)]
            if "__version__" in names and isinstance(node.value.value, str):
                yield node.value.value
