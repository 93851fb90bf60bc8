"""Wheels that are built here, once: against the system's libraries, or for want.

A *key* stands for all that a built wheel depends on: the sdist's sha256, the
Python ABI, the platform and the versions of the system's libraries.  Under it
lies the wheel with its *provenance*, found again by every release, index and
customer.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.tags import interpreter_name, interpreter_version

from karl.recipe.release.base import files, locks
from karl.recipe.release.base.errors import (
    BusyError,
    PrerequisiteError,
    RefusedError,
    UsageError,
)
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.reporter import Reporter, SilentReporter
from karl.recipe.release.building import archives, builder, linkage, prerequisites
from karl.recipe.release.building.builtwheels import PROVENANCE, BuiltWheel, load
from karl.recipe.release.building.linkedprojects import KNOWN, LinkedProject
from karl.recipe.release.distributions.lockfile import Index
from karl.recipe.release.distributions.packages import File, Package
from karl.recipe.release.distributions.pool import Pool

_FORMAT = 1

#: Debug information is left out: it is large, and names the build's folder.
_LEAN = {"LDFLAGS": "-Wl,--strip-debug"}

#: The platform of a wheel that fits every one.
_ANY = "any"


def check_unbuilt(
    software: SoftwareLayout, index: Index, projects: Mapping[str, LinkedProject]
) -> None:
    """Check that a release can have *projects*, of which some may be built already.

    :raises PrerequisiteError: what one is built with is missing; or, if all are
        built, what proves how they are linked.
    """
    unbuilt = [
        project
        for name, project in projects.items()
        if not _is_built(software, index, name, project)
    ]
    prerequisites.check(unbuilt)
    prerequisites.check_proving(projects.values())


def _is_built(
    software: SoftwareLayout, index: Index, name: str, project: LinkedProject
) -> bool:
    package = index.lock.package(name)
    if package is None or package.sdist is None:
        return False
    try:
        versions = prerequisites.versions(project)
    except PrerequisiteError:
        return False
    order = _Order(
        software, index, package, package.sdist, project, versions, SilentReporter()
    )
    return order.folder() is not None


def ensure_wheel(
    software: SoftwareLayout,
    index: Index,
    package: Package,
    reporter: Reporter | None = None,
    declared: Mapping[str, LinkedProject] = KNOWN,
) -> BuiltWheel:
    """Return the wheel of *package*'s sdist, built here; build it if need be.

    :param declared: projects that link with system libraries; others have none.
    :raises RefusedError: the index has no sdist of it, or the pool lacks it.
    :raises PrerequisiteError: a header or tool is missing.
    :raises DamagedError: a file differs from its record, or what was built
        is not linked with the system's libraries.
    :raises ProcessError: the build failed.
    """
    if package.sdist is None:
        raise RefusedError(
            f"Index {index.lock.name} has no sdist of {package.name} "
            f"{package.version} to build.",
            "Freeze a version of the index that lists it as system-linked.",
        )
    project = declared.get(package.name) or LinkedProject(package.name, ())
    order = _Order(
        software, index, package, package.sdist, project,
        prerequisites.versions(project), reporter or SilentReporter(),
    )  # fmt: skip
    return order.found() or order.fill(declared)


@dataclass(frozen=True)
class _Order:
    """One wheel that is wanted."""

    software: SoftwareLayout
    index: Index
    package: Package
    sdist: File
    project: LinkedProject
    libraries: dict[str, str]
    reporter: Reporter

    def identity(self, platform: str) -> dict[str, Any]:
        """Return what the wheel depends on."""
        libraries = self.libraries
        if platform != _ANY:
            libraries = {**libraries, "libc": os.confstr("CS_GNU_LIBC_VERSION") or ""}
        return {
            "sdist": self.sdist.sha256,
            "abi": _abi(),
            "platform": platform,
            "libraries": libraries,
        }

    def key(self, platform: str) -> str:
        """Return the name of the folder."""
        text = files.canonical_json(self.identity(platform))
        digest = hashlib.sha256(text.encode()).hexdigest()[:24]
        stem = f"{self.package.name}-{self.package.version}"[:60]
        return f"{stem}-{_abi()}-{platform}-{digest}"

    @property
    def flags(self) -> dict[str, str]:
        """The variables that steer the compiler."""
        return {**_LEAN, **self.project.env}

    @property
    def main_key(self) -> str:
        """The key under which it is built, whatever it turns out to fit."""
        return self.key(_platform())

    def folder(self) -> Path | None:
        """Return where the wheel is, if it was built already."""
        for platform in (_platform(), _ANY):
            folder = self.software.built_wheel(self.key(platform))
            if folder.is_dir():
                return folder
        return None

    def found(self) -> BuiltWheel | None:
        """Return the wheel if it was built already.

        :raises DamagedError: it is not what its provenance says.
        """
        folder = self.folder()
        return None if folder is None else load(folder, self.sdist)

    def fill(self, declared: Mapping[str, LinkedProject]) -> BuiltWheel:
        """Build the wheel, unless someone else has done so meanwhile."""
        if self.project.libraries:
            prerequisites.check([self.project])
        wheels = tuple(self._tool(name, declared) for name in self.project.built_with)
        lock = self.software.build_lock(self.main_key)
        purpose = f"build {self.package.name} {self.package.version}"
        with locks.patiently(lock, purpose, self.reporter):
            found = self.found()
            if found is None:
                _remove_leftovers(self.software, self.main_key)
                self._build(wheels)
                found = self.found()
        if found is None:
            raise AssertionError(self.main_key)
        return found

    def _tool(self, name: str, declared: Mapping[str, LinkedProject]) -> BuiltWheel:
        package = self.index.lock.package(name)
        if package is None:
            raise RefusedError(
                f"{self.package.name} is built with {name}, which index "
                f"{self.index.lock.name} lacks.",
                f"Freeze a version of the index that has {name}, system-linked.",
            )
        return ensure_wheel(self.software, self.index, package, self.reporter, declared)

    def _build(self, tools: tuple[BuiltWheel, ...]) -> None:
        source = Pool(self.software).checked(self.sdist)
        workspace = files.partial_name(self.software.built_wheel(self.main_key))
        files.make_directory(workspace)
        try:
            settings = builder.Settings(
                index_url=self.index.layout.simple.absolute().as_uri(),
                env={**prerequisites.environment(), **self.flags},
                config_file=self.project.config.format(cpus=_cpus()),
                wheels=tuple(tool.path for tool in tools),
                relaxed=self.project.relaxed,
                workspace=workspace,
                log=self.software.build_log(self.main_key),
            )
            made = builder.make(
                "wheel", source, settings, workspace / "made", self.reporter
            )
            self._keep(made, tools, workspace)
        finally:
            files.remove_tree(workspace)

    def _keep(
        self, made: builder.Built, tools: tuple[BuiltWheel, ...], workspace: Path
    ) -> None:
        """Put what was built under its key, with its provenance."""
        proof: dict[str, Any] = {}
        if self.project.libraries:
            proof = linkage.prove_wheel(made.path, self.project)
        pure = made.path.name.endswith(f"-{_ANY}.whl")
        platform = _ANY if pure and not self.project.libraries else _platform()
        ready = workspace / "ready"
        ready.mkdir()
        wheel = archives.normalise_wheel(made.path, ready / made.path.name)
        record = {
            "format": _FORMAT,
            "identity": self.identity(platform),
            "sdist": {"name": self.sdist.name, "sha256": self.sdist.sha256},
            "wheel": {"name": wheel.name, "sha256": files.sha256_of(wheel)},
            "flags": {"env": self.flags, "config": self.project.config},
            "compiler": prerequisites.compiler_version(),
            "python": sys.version.split()[0],
            "linkage": proof,
            "requirements": list(made.requirements),
            "built_with": {tool.path.name: tool.sha256 for tool in tools},
            "built": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        files.write(ready / PROVENANCE, files.canonical_json(record))
        for path in (wheel, ready / PROVENANCE):
            path.chmod(files.SEALED_FILE)
        # Whoever shares the pool must be able to read it, whatever the umask is.
        ready.chmod(0o755)
        files.sync_file_system(ready)
        files.rename(ready, self.software.built_wheel(self.key(platform)))


def _remove_leftovers(software: SoftwareLayout, own: str) -> None:
    """Remove what killed builds have left, of the key *own* and of any other.

    The lock of *own* is held; that of another is free once its build was killed.
    """
    for path in sorted(software.built.glob(f"{files.PARTIAL_PREFIX}*")):
        key = path.name.removeprefix(files.PARTIAL_PREFIX).rpartition("-")[0]
        with contextlib.suppress(BusyError, UsageError), contextlib.ExitStack() as held:
            if key != own:
                lock = software.build_lock(key)
                held.enter_context(
                    locks.locked(lock, "remove what a killed build left")
                )
            files.try_to_remove(path)


def _abi() -> str:
    return f"{interpreter_name()}{interpreter_version()}{sys.abiflags}"


def _platform() -> str:
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")


def _cpus() -> int:
    return len(os.sched_getaffinity(0))
