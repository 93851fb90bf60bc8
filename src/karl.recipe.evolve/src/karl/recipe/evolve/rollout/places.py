"""Every place on disk that a rollout uses; nobody else joins a path here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from karl.recipe.evolve.declaration.layout import EvolveLayout
from karl.recipe.release.base.names import IndexName


@dataclass(frozen=True)
class RunPlaces:
    """The places of the rollout of one version.

    :ivar root: ``var/rollouts/<version>``.
    """

    root: Path

    @property
    def journal(self) -> Path:
        """What was begun and done, JSON lines, each on disk before the next step."""
        return self.root / "journal.jsonl"

    @property
    def log(self) -> Path:
        """What the commands said besides their answers."""
        return self.root / "commands.log"


@dataclass(frozen=True)
class Places:
    """The places of a site's rollouts, on the machine of who rolls out.

    :ivar root: the site's folder.
    """

    root: Path

    @property
    def layout(self) -> EvolveLayout:
        """The places of the site."""
        return EvolveLayout(self.root)

    @property
    def command(self) -> Path:
        """``bin/rollout``."""
        return self.layout.bin / "rollout"

    @property
    def declaration(self) -> Path:
        """``etc/rollout.json``: what the buildout says."""
        return self.layout.etc / "rollout.json"

    @property
    def lock(self) -> Path:
        """``var/lock/rollout.lock``: held by the one command that rolls out."""
        return self.layout.site.var / "lock" / "rollout.lock"

    def run(self, version: str) -> RunPlaces:
        """Return the places of the rollout of a version."""
        return RunPlaces(self.layout.site.var / "rollouts" / version)


@dataclass(frozen=True)
class Checkout:
    """A checkout with pool, indexes and buildouts: here, or on the other machine.

    :ivar root: its folder, an absolute path.
    :ivar pool: its pool.
    :ivar indexes: its indexes.
    """

    root: PurePosixPath
    pool: PurePosixPath
    indexes: PurePosixPath

    @property
    def karl_index(self) -> PurePosixPath:
        """``bin/karl-index``."""
        return self.root / "bin" / "karl-index"

    @property
    def buildout(self) -> PurePosixPath:
        """``bin/buildout``."""
        return self.root / "bin" / "buildout"

    def configuration(self, name: str) -> PurePosixPath:
        """Return a file of the buildout."""
        return self.root / name

    def pooled(self, name: str) -> PurePosixPath:
        """Return a file of the pool."""
        return self.pool / name

    def index(self, name: IndexName) -> PurePosixPath:
        """Return the folder of an index."""
        return self.indexes / name.name / name.version

    def arriving(self, name: IndexName) -> PurePosixPath:
        """Return the folder that what is shipped arrives in: no part of the index."""
        return self.indexes / name.name / f".partial-rollout-{name.version}"


@dataclass(frozen=True)
class Arriving:
    """What is in the folder that is shipped.

    :ivar root: the folder, here or there.
    """

    root: PurePosixPath

    @property
    def sums(self) -> PurePosixPath:
        """The sha256 of each file, as sha256sum reads it."""
        return self.root / "SHA256SUMS"

    def file(self, name: str) -> PurePosixPath:
        """Return a distribution file."""
        return self.root / "files" / name

    def index(self, name: IndexName) -> PurePosixPath:
        """Return the folder of an index."""
        return self.root / "indexes" / name.name / name.version

    def lock_file(self, name: IndexName) -> PurePosixPath:
        """Return the lock file of an index."""
        return self.index(name) / "pylock.toml"


def site_command(root: PurePosixPath, name: str) -> PurePosixPath:
    """Return a command of the site, wherever it is."""
    return root / "bin" / name
