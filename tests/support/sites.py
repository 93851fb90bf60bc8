"""Sites with tiny sealed releases, of a few modules and no distribution."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from karl.recipe.release.base import files
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.payload import base_interpreter
from karl.recipe.release.sites import sitetools
from karl.recipe.release.sites.siteconfig import SiteConfig
from karl.recipe.release.trees.interpreter import (
    description,
    environment_file,
    launcher,
)
from karl.recipe.release.trees.manifest import Manifest

CONFIG = SiteConfig("acme-prod", "<zodb>\n</zodb>\n", "acme-prod-1")


#: Releases that a built site has.
ROUNDS = ("1.0", "1.1", "1.2")

MODULE = "def main():\n    return {version!r}\n"


def make_release(
    site: SiteLayout,
    version: str,
    *,
    modules: Mapping[str, str] | None = None,
    smoke: Sequence[str] = ("product:main",),
    system_libraries: Mapping[str, object] | None = None,
    binaries: Mapping[str, Path] | None = None,
    extra_files: int = 0,
    python: bool = False,
) -> Path:
    """Make a sealed release with a few modules and return its root.

    :param python: with its own ``bin/python``.
    """
    release = site.release(version)
    root = release.root
    release.site_packages.mkdir(parents=True)
    for name, text in {
        "product.py": MODULE.format(version=version),
        **(modules or {}),
    }.items():
        (release.site_packages / name).parent.mkdir(parents=True, exist_ok=True)
        (release.site_packages / name).write_text(text)
    for name, source in (binaries or {}).items():
        shutil.copyfile(source, release.site_packages / name)
    for number in range(extra_files):
        folder = release.site_packages / f"package{number // 20}"
        folder.mkdir(exist_ok=True)
        (folder / f"module{number}.py").write_text(f"VALUE = {number}\n")
    release.bin.mkdir()
    (release.bin / "app").write_text("#!/bin/sh\nexit 0\n")
    (release.bin / "app").chmod(0o755)
    if python:
        (release.bin / "python").write_text(launcher(release))
        (release.bin / "python").chmod(0o755)
    (root / "pyvenv.cfg").write_text(environment_file())
    release.interpreter.parent.mkdir()
    release.interpreter.symlink_to(base_interpreter())
    _seal(root)
    root.chmod(0o755)
    release.manifest.write_bytes(
        _manifest(root, version, smoke, system_libraries or {}).render()
    )
    release.manifest.chmod(files.SEALED_FILE)
    root.chmod(files.SEALED_DIRECTORY)
    return root


def _seal(root: Path) -> None:
    """Take every write permission from a folder and all below it."""
    for folder, _, names in os.walk(root):
        for path in (Path(folder, name) for name in names):
            if not path.is_symlink():
                runs = path.stat().st_mode & 0o111
                path.chmod(files.SEALED_SCRIPT if runs else files.SEALED_FILE)
        Path(folder).chmod(files.SEALED_DIRECTORY)


def _manifest(
    root: Path,
    version: str,
    smoke: Sequence[str],
    system_libraries: Mapping[str, object],
) -> Manifest:
    listed = {}
    links = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            links[name] = os.readlink(path)
        elif path.is_file():
            status = path.stat()
            mode = stat.S_IMODE(status.st_mode)
            listed[name] = (files.sha256_of(path), status.st_size, mode)
    return Manifest(
        release=version,
        index={"name": f"acme/{version}", "sha256": "0" * 64},
        request={},
        python=description(),
        distributions=[],
        system_libraries=dict(system_libraries),
        smoke=list(smoke),
        links=links,
        files=listed,
    )


def overwrite(path: Path, text: str) -> None:
    """Change a sealed file as somebody in a hurry would."""
    modes = {one: one.stat().st_mode for one in (path.parent, path)}
    for one in modes:
        one.chmod(0o755)
    path.write_text(text)
    for one, mode in modes.items():
        one.chmod(mode)


def build_site(root: Path) -> SiteLayout:
    """Make a site with its command and three releases, none of them live."""
    layout = SiteLayout(root)
    sitetools.install(layout, CONFIG)
    for version in ROUNDS:
        make_release(layout, version)
    return layout
