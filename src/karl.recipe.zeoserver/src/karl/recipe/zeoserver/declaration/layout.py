"""Every place of a database server, in one module; nobody else joins a path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base.layout import ShareLayout
from karl.recipe.release.base.names import checked_label

#: Folders and links of the root that no storage may be called.
RESERVED = frozenset(
    {"bin", "current", "etc", "lib", "releases", "revisions", "store", "var"}
)

#: The two addresses that each storage has.
SIDES = ("a", "b")


@dataclass(frozen=True)
class CopyLayout:
    """The places of one database copy.

    :ivar root: ``databases/<n>``.
    """

    root: Path

    @property
    def data(self) -> Path:
        """``Data.fs``."""
        return self.root / "Data.fs"

    @property
    def index(self) -> Path:
        """``Data.fs.index``: FileStorage's own; it can always be made again."""
        return self.root / "Data.fs.index"

    @property
    def lock(self) -> Path:
        """``Data.fs.lock``: held by whoever has Data.fs open for writing."""
        return self.root / "Data.fs.lock"

    @property
    def temporary(self) -> Path:
        """``Data.fs.tmp``: what FileStorage is committing."""
        return self.root / "Data.fs.tmp"

    @property
    def blobs(self) -> Path:
        """The blob directory."""
        return self.root / "blobs"

    @property
    def packing(self) -> Path:
        """``Data.fs.pack``: what FileStorage writes while it packs."""
        return self.root / "Data.fs.pack"

    @property
    def before_pack(self) -> Path:
        """``Data.fs.old``: what a pack keeps of the time before it."""
        return self.root / "Data.fs.old"

    def cut_off(self, number: int) -> Path:
        """``Data.fs.tr<n>``: what a crash left of a commit; FileStorage's name too."""
        return self.root / f"Data.fs.tr{number}"


@dataclass(frozen=True)
class ForeignLayout:
    """The places of a database that is to be moved here.

    :ivar data: its Data.fs, by whatever name.
    :ivar blobs: its blob directory, if it has one.
    """

    data: Path
    blobs: Path | None = None

    @property
    def lock(self) -> Path:
        """Held by whoever has it open for writing."""
        return self.data.with_name(f"{self.data.name}.lock")


@dataclass(frozen=True)
class UnitLayout:
    """The places of one backup.

    :ivar chain: the folder of its chain.
    :ivar stamp: UTC time in repozo's form, ``2026-11-23-01-30-00``.
    """

    chain: Path
    stamp: str

    @property
    def full(self) -> Path:
        """Data.fs from its beginning, as repozo names it."""
        return self.chain / f"{self.stamp}.fs"

    @property
    def delta(self) -> Path:
        """What was added to Data.fs since the backup before, as repozo names it."""
        return self.chain / f"{self.stamp}.deltafs"

    @property
    def dat(self) -> Path:
        """repozo's list of the chain's files, if this is its full backup."""
        return self.chain / f"{self.stamp}.dat"

    @property
    def partial_delta(self) -> Path:
        """The increment while it is written."""
        return self.chain / f".partial-{self.stamp}.deltafs"

    @property
    def intended_blobs(self) -> Path:
        """Paths of the blobs that an unfinished backup may have added."""
        return self.chain / f".partial-{self.stamp}.blobs"

    @property
    def blob_manifest(self) -> Path:
        """The blobs that this backup added, with checksums."""
        return self.chain / f"{self.stamp}.blobs"

    @property
    def record(self) -> Path:
        """``<stamp>.json``: written last; without it there is no backup."""
        return self.chain / f"{self.stamp}.json"

    @property
    def verification(self) -> Path:
        """``<stamp>.verified.json``: what its last verification found."""
        return self.chain / f"{self.stamp}.verified.json"


@dataclass(frozen=True)
class ChainLayout:
    """The places of one full backup and its increments.

    :ivar root: the folder; ``repozo -r`` takes it as a repository.
    """

    root: Path

    @property
    def stamp(self) -> str:
        """The stamp of the full backup."""
        return self.root.name

    @property
    def dat(self) -> Path:
        """repozo's list of the chain's files."""
        return self.root / f"{self.stamp}.dat"

    @property
    def blobs(self) -> Path:
        """All blobs of the chain, as in a blob directory."""
        return self.root / "blobs"

    def unit(self, stamp: str) -> UnitLayout:
        """Return the places of one backup of the chain."""
        return UnitLayout(self.root, checked_label(stamp))


@dataclass(frozen=True)
class RepositoryLayout:
    """The places of a storage's backups.

    :ivar root: the repository; may be on another file system.
    """

    root: Path

    @property
    def in_use(self) -> Path:
        """A lock: shared by what reads backups, held by what removes them."""
        return self.root / ".in-use"

    def chain(self, stamp: str) -> ChainLayout:
        """Return the places of one chain."""
        return ChainLayout(self.root / checked_label(stamp))


@dataclass(frozen=True)
class StorageLayout:
    """The places of one storage.

    :ivar root: ``<central>/<storage>``.
    :ivar repository: where its backups are.
    """

    root: Path
    repository: RepositoryLayout

    @property
    def databases(self) -> Path:
        """Database copies, numbered."""
        return self.root / "databases"

    def copy(self, number: int) -> CopyLayout:
        """Return the places of a database copy."""
        return CopyLayout(self.databases / str(number))

    @property
    def state(self) -> Path:
        """``state.json``: the copies, which is live, which is served where."""
        return self.root / "state.json"

    @property
    def kept_state(self) -> Path:
        """``state.kept.json``: the same, for when the first is lost or damaged."""
        return self.root / "state.kept.json"

    @property
    def journal(self) -> Path:
        """``journal.jsonl``: what was done to the storage."""
        return self.root / "journal.jsonl"

    @property
    def sizes(self) -> Path:
        """``sizes.json``: how large the live copy was, a line a day."""
        return self.root / "sizes.json"

    @property
    def lock(self) -> Path:
        """Held by every command that changes the storage."""
        return self.root / "lock"

    @property
    def run(self) -> Path:
        """Sockets: who may enter this folder may connect."""
        return self.root / "run"

    def socket(self, side: str) -> Path:
        """Return the Unix socket on which clients reach *side*, by default."""
        return self.run / f"{side}.sock"

    @property
    def control_folder(self) -> Path:
        """Sockets of zeoctl: nobody else may enter."""
        return self.root / "control"

    def control(self, side: str) -> Path:
        """Return the Unix socket on which zeoctl reaches the server of *side*."""
        return self.control_folder / f"{side}.sock"

    def serving_lock(self, side: str) -> Path:
        """Return the lock that the server of *side* holds while it runs."""
        return self.root / "control" / f"{side}.lock"

    @property
    def mode_lock(self) -> Path:
        """Held for a moment while ``state.json`` or a server's mode is changed."""
        return self.root / "mode.lock"

    @property
    def logs(self) -> Path:
        """Logs of the servers."""
        return self.root / "log"

    def log(self, side: str) -> Path:
        """Return the server's own log."""
        return self.logs / f"zeo-{side}.log"

    def output(self, side: str) -> Path:
        """Return where a server's standard output and errors go."""
        return self.logs / f"zeo-{side}.out"


@dataclass(frozen=True)
class SiteLayout:
    """The places of a site that is served from the same machine.

    :ivar root: beside that of the database server.
    """

    root: Path

    @classmethod
    def beside(cls, central: CentralLayout, name: str) -> SiteLayout:
        """Return the places of the site whose database a storage is."""
        return cls(central.root.parent / checked_label(name))

    @property
    def evolve(self) -> Path:
        """``bin/evolve``, which tells of the site."""
        return self.root / "bin" / "evolve"

    @property
    def caches(self) -> Path:
        """What can be fetched from the database server again."""
        return self.root / "var" / "cache"


@dataclass(frozen=True)
class ClientLayout:
    """The places of caches on a site's machine.

    :ivar root: the folder that the declaration names.
    """

    root: Path

    @classmethod
    def of(cls, folder: str) -> ClientLayout:
        """Return the places in a declared folder."""
        return cls(Path(folder))

    def cache(self, copy: str, name: str) -> Path:
        """Return the persistent cache of a copy, such as ``acme-prod-43``.

        :param name: what distinguishes the processes of a site.
        """
        return self.root / f"{copy}.{checked_label(name)}.zec"

    def blobs(self, copy: str) -> Path:
        """Return the folder for blobs of a copy, such as ``acme-prod-43``."""
        return self.root / f"{copy}.blobs"


@dataclass(frozen=True)
class CertificateLayout:
    """The places of one certificate.

    :ivar kind: ``authority``, ``server`` or ``client``.
    :ivar folder: of all of its kind.
    :ivar name: of the files.
    """

    kind: str
    folder: Path
    name: str

    @property
    def certificate(self) -> Path:
        """The certificate."""
        return self.folder / f"{self.name}.pem"

    @property
    def key(self) -> Path:
        """Its key, which only its owner may read."""
        return self.folder / f"{self.name}.key"


@dataclass(frozen=True)
class CertificatesLayout:
    """The places of certificate authorities and of what they signed.

    :ivar root: the folder.
    """

    root: Path

    def authority(self, name: str) -> CertificateLayout:
        """Return the places of an authority."""
        folder = self.root / "authority"
        return CertificateLayout("authority", folder, checked_label(name))

    def server(self, name: str) -> CertificateLayout:
        """Return the places of a server's certificate."""
        return CertificateLayout("server", self.root / "server", checked_label(name))

    def client(self, name: str) -> CertificateLayout:
        """Return the places of a client's certificate."""
        return CertificateLayout("client", self.root / "client", checked_label(name))

    def every(self) -> list[CertificateLayout]:
        """Return the places of all that are there, by kind and name."""
        found: list[CertificateLayout] = []
        for kind in ("authority", "server", "client"):
            folder = self.root / kind
            found += [
                CertificateLayout(kind, folder, path.stem)
                for path in sorted(folder.glob("*.pem"))
            ]
        return found


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
        """Man page and completion of zeoctl."""
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
