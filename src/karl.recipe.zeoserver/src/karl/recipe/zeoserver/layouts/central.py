"""The places of a database server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base.layout import ShareLayout
from karl.recipe.release.base.names import checked_label
from karl.recipe.zeoserver.layouts.certificates import CertificatesLayout
from karl.recipe.zeoserver.layouts.repository import RepositoryLayout
from karl.recipe.zeoserver.layouts.storage import StorageLayout

#: Folders and links of the root that no storage may be called.
RESERVED = frozenset(
    {"bin", "current", "etc", "lib", "releases", "revisions", "store", "var"}
)


@dataclass(frozen=True)
class CentralLayout:
    """The places of a database server.

    :ivar root: the folder the buildout chose: a site of karl.recipe.release.
    """

    root: Path

    @property
    def bin(self) -> Path:
        """Generated commands."""
        return self.root / "bin"

    @property
    def zeoctl(self) -> Path:
        """The one command for every storage."""
        return self.bin / "zeoctl"

    @property
    def zeoctl_ssh(self) -> Path:
        """What a site's key of ssh may run here, and nothing else."""
        return self.bin / "zeoctl-ssh"

    @property
    def runner(self) -> Path:
        """What supervisord runs for each served copy."""
        return self.bin / "zeo-runner"

    @property
    def supervise(self) -> Path:
        """What systemd runs: supervisord, in the foreground."""
        return self.bin / "zeo-supervise"

    @property
    def share(self) -> ShareLayout:
        """Man pages and completion of zeoctl and zeoctl-ssh."""
        return ShareLayout(self.root / "share")

    @property
    def lib(self) -> Path:
        """The code of the generated commands, a folder a digest."""
        return self.root / "lib"

    @property
    def release(self) -> Path:
        """The live release of the ZODB software, through ``current``."""
        return self.root / "current" / "release"

    @property
    def release_python(self) -> Path:
        """The live release's interpreter."""
        return self.release / "bin" / "python"

    @property
    def supervisorctl(self) -> Path:
        """The live release's ``supervisorctl``."""
        return self.release / "bin" / "supervisorctl"

    @property
    def etc(self) -> Path:
        """Generated configuration."""
        return self.root / "etc"

    @property
    def declaration(self) -> Path:
        """``etc/zeo-central.json``: what the buildout declared."""
        return self.etc / "zeo-central.json"

    @property
    def supervisord_conf(self) -> Path:
        """supervisord's configuration; includes the programs."""
        return self.etc / "supervisord.conf"

    @property
    def programs(self) -> Path:
        """A file for each served copy, as supervisord reads it."""
        return self.etc / "programs"

    def program(self, storage: str, side: str) -> Path:
        """Return the file for what *storage* serves on *side*."""
        return self.programs / f"{storage}-{side}.conf"

    def zeo_conf(self, storage: str, side: str) -> Path:
        """Return the configuration of the server of *storage* on *side*."""
        return self.etc / "zeo" / f"{storage}-{side}.conf"

    @property
    def systemd(self) -> Path:
        """Generated units, to be linked into systemd."""
        return self.etc / "systemd"

    def unit(self, name: str) -> Path:
        """Return the file of a systemd unit, such as ``zeo-central.service``."""
        return self.systemd / checked_label(name)

    @property
    def crontab(self) -> Path:
        """The same timers for cron."""
        return self.etc / "cron" / "zeo-central"

    @property
    def logrotate(self) -> Path:
        """Rotation of all logs."""
        return self.etc / "logrotate.conf"

    @property
    def certificates(self) -> CertificatesLayout:
        """Private certificate authorities, if zeoctl made any."""
        return CertificatesLayout(self.etc / "tls")

    @property
    def report(self) -> Path:
        """``var/report.html``: what ``zeoctl report`` writes."""
        return self.root / "var" / "report.html"

    @property
    def logs(self) -> Path:
        """Logs of supervisord."""
        return self.root / "var" / "log"

    @property
    def supervise_output(self) -> Path:
        """What supervisord prints where zeoctl started it: errors of its start."""
        return self.logs / "zeo-supervise.out"

    @property
    def supervisor_log(self) -> Path:
        """What supervisord did."""
        return self.logs / "supervisord.log"

    @property
    def supervisor_socket(self) -> Path:
        """Where supervisord is asked to start and stop servers."""
        return self.root / "var" / "supervisor.sock"

    @property
    def supervisor_pid(self) -> Path:
        """supervisord's process id."""
        return self.root / "var" / "supervisord.pid"

    @property
    def install_lock(self) -> Path:
        """Held while configuration and commands are written.

        ``switch-version`` is written under the same lock: ``lib`` is common.
        """
        return self.root / "var" / "lock" / "tools.lock"

    def storage_names(self) -> list[str]:
        """Return the names of storages that are on disk, declared or not."""
        if not self.root.is_dir():
            return []
        folders = [path for path in self.root.iterdir() if path.name not in RESERVED]
        return sorted(
            path.name
            for path in folders
            if StorageLayout(path, RepositoryLayout(path)).state.is_file()
        )

    def storage(self, name: str, repository: Path | None = None) -> StorageLayout:
        """Return the places of a storage.

        :param repository: where its backups are; default: in its folder.
        """
        root = self.root / checked_label(name)
        return StorageLayout(root, RepositoryLayout(repository or root / "backups"))
