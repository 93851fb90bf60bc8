"""The proof that an index is whole: install it from nothing but itself."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from karl.recipe.release.base import process
from karl.recipe.release.base.errors import ProcessError, RefusedError
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.reporter import Reporter, counted
from karl.recipe.release.building import prerequisites, systemlibs
from karl.recipe.release.building.linkedprojects import KNOWN, linked_projects
from karl.recipe.release.distributions.lockfile import Index, Lock
from karl.recipe.release.distributions.pool import Pool
from karl.recipe.release.distributions.targets import Target
from karl.recipe.release.distributions.wheel import opened
from karl.recipe.release.indexes.fetch import needed_here
from karl.recipe.release.indexes.resolve import uv_program


def check(software: SoftwareLayout, index: Index, reporter: Reporter) -> None:
    """Install *index* offline, with an empty cache, into a new environment.

    Every sdist that this machine needs is built on the way, from the build
    requirements in the index.  What other targets need is checked by hash only.

    :raises RefusedError: something is missing or does not fit together.
    """
    projects = linked_projects("\n".join(index.lock.system_linked))
    prerequisites.check(projects.values())
    declared = {**KNOWN, **projects}
    linked = [
        systemlibs.ensure_wheel(
            software, index, package, reporter, declared
        ).path.parent
        for package in index.lock.packages
        if package.name in projects
    ]
    _check_wheels(software, index)
    task = reporter.task(f"Checking that {index.lock.name} installs from itself")
    with tempfile.TemporaryDirectory(prefix="karl-closure-") as folder:
        _install(index, linked, Path(folder), lambda _: task.advance(0))
    task.done(counted(len(needed_here(index.lock)), "files"))


def _check_wheels(software: SoftwareLayout, index: Index) -> None:
    """Read every wheel as a release will read it, so that no version is burnt.

    :raises DamagedError: a release could never take one of them.
    """
    pool = Pool(software)
    for package in index.lock.packages:
        for file in package.wheels:
            path = pool.path(file)
            with opened(path, file.sha256, package.name, package.version):
                pass


def _install(
    index: Index, linked: list[Path], folder: Path, beat: process.Beat
) -> None:
    uv = uv_program()
    environment = process.clean_environment(HOME=str(folder), NO_COLOR="1")
    shared: list[str | Path] = ["--quiet", "--no-config", "--no-cache", "--offline"]
    python = folder / "venv" / "bin" / "python"
    pins = folder / "pins.txt"
    pins.write_text("".join(f"{pin}\n" for pin in _pins(index.lock)), encoding="utf-8")
    # What is linked to the system's libraries was built just above, from the index.
    built = [word for place in linked for word in ("--find-links", place)]
    steps: tuple[list[str | Path], ...] = (
        [uv, "venv", *shared, "--no-project", "--python", sys.executable,
         folder / "venv"],
        [uv, "pip", "install", *shared, "--python", python, "--index-url",
         index.layout.simple.absolute().as_uri(), *built, "-r", pins],
        [uv, "pip", "check", *shared, "--python", python],
    )  # fmt: skip
    for argv in steps:
        try:
            process.run(argv, env=environment, cwd=folder, beat=beat)
        except ProcessError as error:
            raise RefusedError(
                f"Index {index.lock.name} does not install from itself alone:\n"
                f"{error.output.strip()}",
                "It was not frozen.  Add what is missing to the requirements, or "
                "constrain the version that does not fit.",
            ) from error


def _pins(lock: Lock) -> list[str]:
    here = Target.here()
    return [
        f"{package.name}=={package.version}"
        for package in lock.packages
        if not package.build_only and here.wants(package.marker)
    ]
