"""Every place on disk, in one module; nobody else joins a path of ours."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base.names import IndexName, checked_file_name, checked_label


@dataclass(frozen=True)
class IndexLayout:
    """The places of one frozen index.

    :ivar root: ``indexes/<name>/<version>``.
    """

    root: Path

    @property
    def lock_file(self) -> Path:
        """``pylock.toml``: the truth; all else is derived from it."""
        return self.root / "pylock.toml"

    @property
    def versions_file(self) -> Path:
        """``versions.cfg``: the pins, as zc.buildout reads them."""
        return self.root / "versions.cfg"

    @property
    def simple(self) -> Path:
        """``simple``: what clients install from, over file:// and HTTP."""
        return self.root / "simple"

    def project(self, name: str) -> Path:
        """Return the folder of the project with this normalised name."""
        return self.simple / name


@dataclass(frozen=True)
class SoftwareLayout:
    """The places that all sites and indexes share.

    :ivar pool: distribution files, flat.
    :ivar indexes: frozen indexes, ``<name>/<version>``.
    :ivar store: unpacked wheels.
    """

    pool: Path
    indexes: Path
    store: Path

    @classmethod
    def below(cls, base: Path) -> SoftwareLayout:
        """Return the default places below *base*."""
        return cls(base / "pool", base / "indexes", base / "store")

    def index(self, name: IndexName) -> IndexLayout:
        """Return the places of one index."""
        return IndexLayout(self.indexes / name.name / name.version)

    def pooled(self, name: str) -> Path:
        """Return the place of a distribution file in the pool."""
        return self.pool / checked_file_name(name)

    @property
    def built(self) -> Path:
        """Wheels that were built here, a folder a key."""
        return self.pool / "built"

    def built_wheel(self, key: str) -> Path:
        """Return the folder of the wheel that was built under *key*."""
        return self.built / checked_label(key)

    def build_lock(self, key: str) -> Path:
        """Held while the wheel under *key* is built."""
        return self.built / ".locks" / checked_label(key)

    def build_log(self, key: str) -> Path:
        """Return where the output of a build under *key* goes; kept if it fails."""
        return self.built / ".logs" / f"{checked_label(key)}.log"

    def store_entry(self, sha256: str) -> Path:
        """Return the folder of an unpacked wheel, for this Python."""
        tag = sys.implementation.cache_tag or "python"
        return self.store / tag / checked_label(sha256)

    @property
    def pool_lock(self) -> Path:
        """Held while the pool changes."""
        return self.pool / ".lock"

    @property
    def pool_origins(self) -> Path:
        """Which pooled files came from a public registry, JSON lines."""
        return self.pool / ".fetched.jsonl"

    @property
    def store_lock(self) -> Path:
        """Held while leftovers in the store are removed."""
        return self.store / ".lock"

    @property
    def indexes_lock(self) -> Path:
        """Held while an index is frozen."""
        return self.indexes / ".lock"


@dataclass(frozen=True)
class ReleaseLayout:
    """The places of one release.

    :ivar root: ``releases/<version>``: the final, real path.
    """

    root: Path

    @property
    def manifest(self) -> Path:
        """``release.json``."""
        return self.root / "release.json"

    @property
    def bin(self) -> Path:
        """Scripts."""
        return self.root / "bin"

    @property
    def interpreter(self) -> Path:
        """The interpreter that scripts name: never reached through a symlink.

        ``bin/python`` is a script that runs it, so that a process started
        through ``current`` stays on the release that it started with.
        """
        return self.root / "libexec" / f"python{_python_version()}"

    @property
    def environment(self) -> Path:
        """``pyvenv.cfg``: makes the interpreter take the release for its own."""
        return self.root / "pyvenv.cfg"

    @property
    def headers(self) -> Path:
        """C headers, a folder a distribution."""
        return self.root / "include" / "site" / f"python{_python_version()}"

    @property
    def site_packages(self) -> Path:
        """All distributions, merged."""
        return self.root / "lib" / f"python{_python_version()}" / "site-packages"


@dataclass(frozen=True)
class RevisionLayout:
    """The places of one revision.

    :ivar root: ``revisions/<number>``.
    """

    root: Path

    @property
    def release(self) -> Path:
        """``release``: relative symlink to the release."""
        return self.root / "release"

    @property
    def zodb_conf(self) -> Path:
        """``zodb.conf``: binds the database copy."""
        return self.root / "zodb.conf"

    @property
    def record(self) -> Path:
        """``revision.json``."""
        return self.root / "revision.json"


@dataclass(frozen=True)
class ShareLayout:
    """Where man and shells look for what they know of the commands beside it.

    :ivar root: the folder ``share`` beside the folder ``bin``.
    """

    root: Path

    def page(self, command: str) -> Path:
        """Return the man page of a command."""
        return self.root / "man" / "man1" / f"{checked_label(command)}.1"

    def bash(self, command: str) -> Path:
        """Return the completion of a command in bash."""
        folder = self.root / "bash-completion" / "completions"
        return folder / checked_label(command)

    def zsh(self, command: str) -> Path:
        """Return the completion of a command in zsh."""
        return self.root / "zsh" / "site-functions" / f"_{checked_label(command)}"


@dataclass(frozen=True)
class SiteLayout:
    """The places of one site.

    :ivar root: the folder the customer's buildout chose.
    """

    root: Path

    @property
    def bin(self) -> Path:
        """Generated commands."""
        return self.root / "bin"

    @property
    def share(self) -> ShareLayout:
        """Man pages and completion of the generated commands."""
        return ShareLayout(self.root / "share")

    @property
    def lib(self) -> Path:
        """The code that the generated commands run, a folder a digest."""
        return self.root / "lib"

    @property
    def etc(self) -> Path:
        """Generated configuration."""
        return self.root / "etc"

    @property
    def config(self) -> Path:
        """``etc/site.json``: what the generated commands know of the site."""
        return self.etc / "site.json"

    @property
    def application_config(self) -> Path:
        """``etc/site.ini``: the application's own configuration."""
        return self.etc / "site.ini"

    @property
    def var(self) -> Path:
        """Everything that changes by running."""
        return self.root / "var"

    @property
    def releases(self) -> Path:
        """Sealed releases."""
        return self.root / "releases"

    def release(self, version: str) -> ReleaseLayout:
        """Return the places of a release."""
        return ReleaseLayout(self.releases / checked_label(version))

    @property
    def revisions(self) -> Path:
        """Revisions, numbered."""
        return self.root / "revisions"

    def revision(self, number: int) -> RevisionLayout:
        """Return the places of a revision."""
        return RevisionLayout(self.revisions / str(number))

    @property
    def revision_log(self) -> Path:
        """The revision log, JSON lines."""
        return self.var / "journal" / "revisions.jsonl"

    @property
    def pins(self) -> Path:
        """``var/pins.json``: the revisions that pruning must keep."""
        return self.var / "pins.json"

    @property
    def current(self) -> Path:
        """The one symlink to the live revision."""
        return self.root / "current"

    @property
    def release_lock(self) -> Path:
        """Held while a release is built."""
        return self.var / "lock" / "release.lock"

    @property
    def switch_lock(self) -> Path:
        """Held while a revision is written, made current or pruned."""
        return self.var / "lock" / "switch.lock"

    @property
    def tools_lock(self) -> Path:
        """Held while the site's own commands are written."""
        return self.var / "lock" / "tools.lock"


def _python_version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"
