"""Building a release: from a frozen index to a sealed tree, in one go.

    observe -> plan -> choose files -> store -> tree -> prove -> seal -> rename

Nothing below the final name exists before the last step, and nothing there is
ever changed or removed.
"""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from karl.recipe.release.base import files
from karl.recipe.release.base.layout import ReleaseLayout, SiteLayout, SoftwareLayout
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.names import IndexName
from karl.recipe.release.base.reporter import Reporter, counted
from karl.recipe.release.building.linkedprojects import LinkedProject
from karl.recipe.release.distributions.lockfile import Index
from karl.recipe.release.trees import interpreter, space, tree, workers
from karl.recipe.release.trees.artifacts import Artifact, Artifacts
from karl.recipe.release.trees.composition import compose
from karl.recipe.release.trees.manifest import Manifest
from karl.recipe.release.trees.mending import mending
from karl.recipe.release.trees.releaseplan import Seen, Wanted, linked_in, plan
from karl.recipe.release.trees.requirements import Needed, closure
from karl.recipe.release.trees.specification import Specification
from karl.recipe.release.trees.store import Store, Stored
from karl.recipe.release.trees.verification import verify

#: Seconds to wait for the workers of a run that was just killed.
_PATIENCE = 3.0


@dataclass(frozen=True)
class Outcome:
    """What a run did.

    :ivar built: whether the release is new.
    :ivar sha256: of its ``release.json``.
    """

    release: ReleaseLayout
    built: bool
    sha256: str


@dataclass(frozen=True)
class Place:
    """Where a release is built, and from what.

    :ivar site: the site that it is for.
    :ivar workers: processes at most; 0: one a processor.
    :ivar offline: never fetch what the pool does not have.
    :ivar registry: simple index to fetch from; empty: pip's.
    """

    software: SoftwareLayout
    site: SiteLayout
    workers: int = 0
    offline: bool = False
    registry: str = ""

    def resolved(self) -> Place:
        """Return it with real paths, without symlinks and ``..``."""
        software = SoftwareLayout(
            Path(os.path.realpath(self.software.pool)),
            Path(os.path.realpath(self.software.indexes)),
            Path(os.path.realpath(self.software.store)),
        )
        site = SiteLayout(Path(os.path.realpath(self.site.root)))
        return replace(self, software=software, site=site)


@contextlib.contextmanager
def _no_gc() -> Iterator[None]:
    """Spare the collection of garbage: the hundred thousands of objects all stay."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@_no_gc()
def build(
    place: Place,
    version: str,
    index: IndexName,
    specification: Specification,
    reporter: Reporter,
) -> Outcome:
    """Make release *version* be there, sealed; do nothing if it is.

    :raises RefusedError: it exists with another content, or cannot be built.
    :raises DamagedError: it exists and was edited, or a file is not what the
        index names.
    :raises BusyError: another run builds a release of this site.
    """
    place = place.resolved()
    site = place.site
    release = site.release(version)
    interpreter.check_root(release)
    frozen = Index.load(place.software, index)
    wanted = Wanted(version, frozen, specification, interpreter.description())
    with locked(site.release_lock, f"build release {version}", _PATIENCE):
        for leftover in files.remove_partial(site.releases):
            reporter.say(f"Removed {leftover.name}, left by a run that was killed.")
        decided = plan(observe(release), wanted)
        reporter.say(decided.reason)
        if decided.build:
            _Build(place, release, wanted, reporter).run()
    return Outcome(release, decided.build, files.sha256_of(release.manifest))


def check_prerequisites(
    place: Place, version: str, index: IndexName, specification: Specification
) -> None:
    """Say what this machine lacks for a release that is still to be built.

    Costs nothing if the release is there, or nothing in it is system-linked.

    :raises PrerequisiteError: names every Debian package that is missing.
    :raises RefusedError: the index does not hold what is to be linked.
    """
    if not specification.system_linked or place.site.release(version).root.exists():
        return
    if not place.software.index(index).lock_file.exists():
        return  # it is frozen first, and that checks the same
    frozen = Index.load(place.software, index)
    linked = linked_in(frozen, specification)
    if linked:
        from karl.recipe.release.building import systemlibs

        systemlibs.check_unbuilt(place.software, frozen, linked)


def observe(release: ReleaseLayout) -> Seen:
    """Look at what is at the place of a release: its manifest, sizes and modes."""
    if not os.path.lexists(release.root):
        return Seen(exists=False)
    if not release.manifest.is_file():
        return Seen(exists=True)
    differences = verify(release)
    moved = not differences and not interpreter.is_at_home(release)
    return Seen(True, Manifest.load(release), differences, moved)


class _Build:
    """One build, step by step."""

    def __init__(
        self, place: Place, release: ReleaseLayout, wanted: Wanted, reporter: Reporter
    ) -> None:
        self.place = place
        self.release = release
        self.wanted = wanted
        self.reporter = reporter
        self.count = place.workers or workers.default_count()
        linked = linked_in(wanted.index, wanted.specification)
        self.store = Store(place.software, reporter, self.count)
        self.artifacts = Artifacts(
            place.software,
            wanted.index,
            linked,
            self.store,
            offline=place.offline,
            registry=place.registry,
        )

    def run(self) -> None:
        """Do all of it."""
        if self.artifacts.system_linked:
            from karl.recipe.release.building import systemlibs

            systemlibs.check_unbuilt(
                self.place.software, self.wanted.index, self.artifacts.system_linked
            )
        needed = self.choose()
        chosen = [self.artifacts.of(item.package) for item in needed]
        sources = [artifact.source for artifact in chosen]
        space.check(
            self.place.software.store,
            self.store.missing(sources),
            self.release.root,
            sources,
        )
        mending(lambda: self.make(needed, chosen), chosen, self.artifacts, self.store)

    def make(self, needed: list[Needed], chosen: list[Artifact]) -> None:
        """Make the tree and give it its name.

        :raises EditedError: an entry of the store is not what it was.
        """
        stored = self.unpack(chosen)
        planned, smoke = compose(
            self.release, self.wanted.specification, needed, stored, self.reporter
        )
        self.refuse_copies(planned)
        linked = self.artifacts.system_linked
        libraries = [
            linked[item.package.name] for item in needed if item.package.name in linked
        ]
        task = self.reporter.task(
            f"Linking release {self.wanted.version}", len(planned.files), "files"
        )
        with files.new_tree(self.release.root) as partial:
            lines = tree.make(planned, partial, self.count, task.advance)
            proofs = self.prove(partial, libraries)
            content = self.manifest(planned, chosen, proofs, smoke).render(lines)
            path = partial / self.release.manifest.name
            tree.write(str(path), content, files.SEALED_FILE)
            tree.seal(planned, partial)
        task.done(f"{counted(len(chosen), 'distributions')}, sealed")

    def choose(self) -> list[Needed]:
        """Follow the requirements through the index."""
        eggs = self.wanted.specification.eggs
        return closure(self.wanted.index, eggs, self.artifacts.metadata)

    def unpack(self, chosen: list[Artifact]) -> list[Stored]:
        """Have every wheel in the store, fetching what the pool does not have."""
        sources = [artifact.source for artifact in chosen]
        self.artifacts.fetch(self.store.missing(sources))
        return self.store.provide(sources)

    def refuse_copies(self, planned: tree.Tree) -> None:
        """Refuse a bundled copy of what must be the system's, whoever brings it."""
        if self.wanted.specification.system_linked:
            from karl.recipe.release.building import linkage

            linkage.refuse_copies(
                planned.files, self.wanted.specification.system_linked
            )

    def prove(self, partial: Path, libraries: list[LinkedProject]) -> Mapping[str, Any]:
        """Prove that what must use the system's libraries does so."""
        if not libraries:
            return {}
        from karl.recipe.release.building import linkage

        inside = ReleaseLayout(partial)
        return {
            one.name: linkage.prove(inside.site_packages, inside.interpreter, one)
            for one in libraries
        }

    def manifest(
        self,
        planned: tree.Tree,
        chosen: list[Artifact],
        proofs: Mapping[str, Any],
        smoke: list[str],
    ) -> Manifest:
        """Return the description of the whole release."""
        return Manifest(
            release=self.wanted.version,
            index=self.wanted.describe_index(),
            request=self.wanted.specification.describe(),
            python=self.wanted.python,
            distributions=[artifact.describe() for artifact in chosen],
            system_libraries=proofs,
            smoke=smoke,
            links=planned.links,
            files=planned.files,
        )
