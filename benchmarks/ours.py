"""The one module that imports karl.recipe.release."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base import files
from karl.recipe.release.base.layout import ReleaseLayout, SiteLayout, SoftwareLayout
from karl.recipe.release.base.names import IndexName
from karl.recipe.release.base.reporter import SilentReporter
from karl.recipe.release.building import systemlibs
from karl.recipe.release.distributions.lockfile import Index
from karl.recipe.release.trees import manifest, release, specification, verification

remove_tree: Callable[[Path], None] = files.remove_tree
link_or_copy: Callable[[str, str], object] = files.link_or_copy


@dataclass(frozen=True)
class Wheel:
    """A wheel that a release was built from.

    :ivar name: of its project, normalised.
    """

    name: str
    version: str
    path: Path
    sha256: str


def release_root(site: Path, version: str) -> Path:
    """Return the folder of a release."""
    return SiteLayout(site).release(version).root


def interpreter_of(root: Path) -> Path:
    """Return the interpreter of the release *root*."""
    return ReleaseLayout(root).interpreter


def wheels_of(root: Path, pool: Path) -> list[Wheel]:
    """Return the wheels that the release *root* was built from."""
    software = SoftwareLayout(pool, pool, pool)
    text = ReleaseLayout(root).manifest.read_text(encoding="utf-8")
    found = []
    for listed in json.loads(text)["distributions"]:
        folder = software.built_wheel(listed["key"]) if listed["key"] else pool
        path = folder / listed["file"]
        found.append(Wheel(listed["name"], listed["version"], path, listed["sha256"]))
    return found


def build_release(
    places: tuple[Path, Path, Path], site: Path, index: str, eggs: Sequence[str]
) -> None:
    """Build the release that has the version of *index*.

    :param places: pool, indexes and store.
    """
    name = IndexName.parse(index)
    release.build(
        release.Place(SoftwareLayout(*places), SiteLayout(site), offline=True),
        name.version,
        name,
        specification.parse({"eggs": "\n".join(eggs), "system-linked": ""}),
        SilentReporter(),
    )


def verify_release(root: Path, *, full: bool) -> int:
    """Compare the release *root* with its manifest; return how many files it has.

    :raises AssertionError: it differs.
    """
    layout = ReleaseLayout(root)
    differences = verification.verify(layout, full=full)
    if differences:
        raise AssertionError(differences)
    return len(manifest.Manifest.load(layout).files)


def build_linked_wheel(
    places: tuple[Path, Path, Path], index: str, project: str
) -> Path:
    """Return the wheel of *project* that is linked with the system's libraries."""
    software = SoftwareLayout(*places)
    frozen = Index.load(software, IndexName.parse(index))
    package = frozen.lock.package(project)
    if package is None:
        raise LookupError(project)
    return systemlibs.ensure_wheel(software, frozen, package).path
