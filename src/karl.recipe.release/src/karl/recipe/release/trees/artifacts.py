"""The file that a release takes for each package: pooled, or built here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.building.linkedprojects import KNOWN, LinkedProject
from karl.recipe.release.distributions.lockfile import Index
from karl.recipe.release.distributions.metadata import Metadata
from karl.recipe.release.distributions.packages import File, Package
from karl.recipe.release.distributions.targets import Target
from karl.recipe.release.trees.sources import Source
from karl.recipe.release.trees.store import Store


@dataclass(frozen=True)
class Artifact:
    """The wheel of a package.

    :ivar built_from: sha256 of the sdist that it was built from here; empty for
        a wheel that the index itself names.
    :ivar key: that it was built under.
    """

    source: Source
    built_from: str = ""
    key: str = ""

    def describe(self) -> dict[str, str | None]:
        """Return it as ``release.json`` keeps it."""
        return {
            "name": self.source.project,
            "version": self.source.version,
            "file": self.source.path.name,
            "sha256": self.source.sha256,
            "built_from": self.built_from or None,
            "key": self.key or None,
        }


class Artifacts:
    """Finds, and where there is none builds, the wheels of an index.

    :param system_linked: by name: projects whose wheels embed no libraries.
    :param store: may know the METADATA of a wheel already.
    :param offline: never fetch what the pool does not have.
    :param registry: simple index to fetch from; empty: pip's.
    """

    def __init__(
        self,
        software: SoftwareLayout,
        index: Index,
        system_linked: Mapping[str, LinkedProject],
        store: Store,
        *,
        offline: bool = False,
        registry: str = "",
    ) -> None:
        self.software = software
        self.index = index
        self.system_linked = system_linked
        self.store = store
        self.reporter = store.reporter
        self.offline = offline
        self.registry = registry
        self._here = Target.here()
        self._chosen: dict[str, Artifact] = {}
        self._filled = False

    def of(self, package: Package) -> Artifact:
        """Return the wheel of *package*; it is built, if it has to be.

        :raises RefusedError: the index has no file of it that this machine can
            use.
        """
        if package.name not in self._chosen:
            wheel = self._wheel(package)
            self._chosen[package.name] = (
                self._pooled(package, wheel) if wheel else self._built(package)
            )
        return self._chosen[package.name]

    def _wheel(self, package: Package) -> File | None:
        if package.name in self.system_linked:
            return None
        return self._here.best(package.wheels)

    def _pooled(self, package: Package, wheel: File) -> Artifact:
        path = self.software.pooled(wheel.name)
        return Artifact(
            Source(package.name, package.version, path, wheel.sha256, wheel.size)
        )

    def _built(self, package: Package) -> Artifact:
        if package.sdist is None:
            listed = package.name in self.system_linked
            raise RefusedError(
                f"Index {self.index.lock.name} has no "
                f"{'sdist' if listed else f'wheel for {self._here}, and no sdist'} of "
                f"{package.name} {package.version}.",
                f"Freeze the index with system-linked = {package.name}, or take it "
                "out of system-linked here."
                if listed
                else "Freeze a new version of the index with this target.",
            )
        from karl.recipe.release.building import systemlibs
        from karl.recipe.release.indexes import fetch

        if not self._filled:
            self._fill(fetch.needed_here(self.index.lock))
            self._filled = True
        wheel = systemlibs.ensure_wheel(
            self.software,
            self.index,
            package,
            self.reporter,
            {**KNOWN, **self.system_linked},
        )
        source = Source(
            package.name,
            package.version,
            wheel.path,
            wheel.sha256,
            wheel.path.stat().st_size,
        )
        return Artifact(source, wheel.sdist_sha256, wheel.key)

    def metadata(self, package: Package) -> Metadata:
        """Return the METADATA of the wheel that would be installed."""
        wheel = self._wheel(package)
        sha256 = wheel.sha256 if wheel else self.of(package).source.sha256
        unpacked = self.store.metadata(sha256)
        if unpacked is not None:
            return unpacked
        from karl.recipe.release.distributions.pep658 import wheel_metadata

        if wheel is None:
            return Metadata.parse(wheel_metadata(self.of(package).source.path))
        if wheel.metadata_sha256:
            page = self.index.layout.project(package.name) / wheel.metadata_name
            data = _read(page)
            if hashlib.sha256(data).hexdigest() == wheel.metadata_sha256:
                return Metadata.parse(data)
        self._fill([wheel])
        from karl.recipe.release.distributions.archive import Archive

        path = self.software.pooled(wheel.name)
        with Archive(path, wheel.sha256):
            return Metadata.parse(wheel_metadata(path))

    def fetch(self, sources: list[Source]) -> None:
        """Fill the pool with the wheels of *sources*, by hash."""
        if not sources:
            return
        wanted = {source.sha256 for source in sources}
        files = [
            file
            for package in self.index.lock.packages
            for file in package.wheels
            if file.sha256 in wanted
        ]
        self._fill(files)

    def _fill(self, wanted: list[File]) -> None:
        # Here, because a release whose wheels are all in the store fetches nothing.
        from karl.recipe.release.distributions.pool import Pool
        from karl.recipe.release.indexes import fetch

        source = fetch.source_of(self.index.lock, self.registry, offline=self.offline)
        fetch.fill(Pool(self.software), wanted, source, self.reporter)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
