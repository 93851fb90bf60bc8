"""What the buildout declares, as values: checked, frozen, and kept as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from karl.recipe.release.base import declared
from karl.recipe.release.base.files import canonical_json
from karl.recipe.zeoserver.layouts.central import CentralLayout
from karl.recipe.zeoserver.layouts.storage import StorageLayout

_FORMAT = 1


def storage_name(name: str, number: int) -> str:
    """Return the name of the ZEO storage that serves a copy: ``acme-prod-43``.

    A client of one copy can never talk to another, nor use its cache.
    """
    return f"{name}-{number}"


@dataclass(frozen=True)
class Address:
    """Where a server listens: a Unix socket, or a host and a port.

    :ivar path: of the Unix socket; empty for TCP.
    :ivar host: name or address, an IPv6 one without brackets.
    """

    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.path:
            return self.path
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True)
class Tls:
    """One end's certificate, and whom it trusts; paths of PEM files.

    :ivar authenticate: certificates of those that the other end's must be
        signed by.
    :ivar server_hostname: the name that a client expects in the server's
        certificate; empty: the host of the address.
    """

    certificate: str
    key: str
    authenticate: str
    server_hostname: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """All that must be there."""
        return self.certificate, self.key, self.authenticate


@dataclass(frozen=True)
class ClientSettings:
    """What a site's ``zodb.conf`` says beside the address.

    :ivar folder: on the site's machine, for caches.
    :ivar cache: name of the persistent cache; empty: none is kept.  Only one
        process at a time can use a name.
    :ivar cache_size: bytes of objects.
    :ivar blob_cache_size: bytes of blobs.
    :ivar shared_blobs: use the server's blob directory itself.
    :ivar wait_timeout: seconds to wait for a connection.
    :ivar host: under which the site's machine knows the server; empty: the
        address as it is.
    """

    folder: str
    cache: str = ""
    cache_size: int = 128 << 20
    blob_cache_size: int = 1 << 30
    shared_blobs: bool = False
    wait_timeout: int = 30
    host: str = ""
    tls: Tls | None = None


@dataclass(frozen=True)
class Schedule:
    """When a timer goes off.

    :ivar days: of the week, 0 for Monday; empty: every day.
    :ivar hour: None: every hour.
    """

    minute: int
    hour: int | None = None
    days: tuple[int, ...] = ()


@dataclass(frozen=True)
class Account:
    """Whom the servers run as.

    :ivar group: the user's own.
    """

    user: str
    group: str


@dataclass(frozen=True)
class StorageDeclaration:
    """One storage: a site's database.

    :ivar name: as the site is called.
    :ivar addresses: by side, ``a`` and ``b``.
    :ivar repository: folder of the backups; empty: in the storage's folder.
    :ivar scratch: folder for restore drills; empty: in the storage's folder.
    :ivar transaction_timeout: seconds that a commit may hold the storage.
    :ivar drain_timeout: seconds that commits in flight have to finish when the
        storage goes read-only.
    :ivar invalidation_age: seconds; None: not set.
    :ivar log_level: from which on the server logs, such as ``info``.
    :ivar log_custom: log handlers for the ``<eventlog>`` section, as they are;
        empty: the storage's own log file.
    :ivar zeo_conf_additional: lines for the ``<zeo>`` section, as they are.
    :ivar pack_days: of history that a pack leaves.
    :ivar full_every: days after which an automatic backup is a full one.
    :ivar keep: how many chains (a full backup and its increments) are kept.
    """

    name: str
    addresses: Mapping[str, Address]
    client: ClientSettings
    repository: str = ""
    scratch: str = ""
    tls: Tls | None = None
    invalidation_queue_size: int = 100
    invalidation_age: float | None = None
    transaction_timeout: int = 120
    drain_timeout: float = 10.0
    client_conflict_resolution: bool = False
    log_level: str = "info"
    log_custom: str = ""
    zeo_conf_additional: str = ""
    pack_days: float = 1.0
    pack_gc: bool = True
    pack_keep_old: bool = True
    full_every: int = 7
    keep: int = 4
    backup_at: Schedule | None = None
    verify_at: Schedule | None = None
    pack_at: Schedule | None = None


@dataclass(frozen=True)
class Central:
    """The database server: all storages of all sites.

    :ivar root: its folder, a real path.
    :ivar name: of the site, such as ``zeo-central``; names its systemd units.
    :ivar user: whom systemd runs the servers as; empty: who runs the buildout.
    :ivar socket_group: group whose members may connect to Unix sockets; empty:
        the user alone.
    :ivar sites: of each site that the report tells of its ``evolve``, with what
        leads to it.
    """

    root: str
    name: str
    user: str = ""
    socket_group: str = ""
    storages: Mapping[str, StorageDeclaration] = field(default_factory=dict)
    sites: tuple[tuple[str, ...], ...] = ()

    @property
    def places(self) -> CentralLayout:
        """Where everything is."""
        return CentralLayout(Path(self.root))

    def storage_places(self, name: str) -> StorageLayout:
        """Return the places of a declared storage."""
        repository = self.storages[name].repository
        return self.places.storage(name, Path(repository) if repository else None)

    def to_text(self) -> str:
        """Return the content of ``etc/zeo-central.json``."""
        return canonical_json({"format": _FORMAT, **dataclasses.asdict(self)})

    @classmethod
    def load(cls, places: CentralLayout) -> Central:
        """Read ``etc/zeo-central.json``.

        :raises RefusedError: there is none: this is no database server of ours.
        :raises DamagedError: it cannot be understood.
        """
        return declared.load(
            places.declaration,
            "a database server",
            "Run the buildout of the database server again: it writes this file.",
            _central,
        )


def _central(found: dict[str, Any]) -> Central:
    _check_format(found.pop("format"))
    storages = {name: _storage(values) for name, values in found["storages"].items()}
    sites = tuple(tuple(words) for words in found.get("sites", ()))
    return Central(**{**found, "storages": storages, "sites": sites})


def _check_format(number: int) -> None:
    if number != _FORMAT:
        raise ValueError("it is of another format")


def _storage(values: dict[str, Any]) -> StorageDeclaration:
    client = values["client"]
    return StorageDeclaration(
        **{
            **values,
            "addresses": {
                side: Address(**address)
                for side, address in values["addresses"].items()
            },
            "client": ClientSettings(**{**client, "tls": _tls(client["tls"])}),
            "tls": _tls(values["tls"]),
            **{
                name: _schedule(values[name])
                for name in ("backup_at", "verify_at", "pack_at")
            },
        }
    )


def _tls(values: dict[str, str] | None) -> Tls | None:
    return None if values is None else Tls(**values)


def _schedule(values: dict[str, Any] | None) -> Schedule | None:
    if values is None:
        return None
    return Schedule(**{**values, "days": tuple(values["days"])})
