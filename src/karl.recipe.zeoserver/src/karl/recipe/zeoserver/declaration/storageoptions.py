"""From the options of one section to one storage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from karl.recipe.release.base import optionvalues
from karl.recipe.release.base.errors import UsageError
from karl.recipe.zeoserver.declaration import additional, addresses, schedules, values
from karl.recipe.zeoserver.declaration.model import (
    Address,
    ClientSettings,
    StorageDeclaration,
    Tls,
)
from karl.recipe.zeoserver.declaration.section import Section
from karl.recipe.zeoserver.layouts.central import CentralLayout
from karl.recipe.zeoserver.layouts.site import SiteLayout
from karl.recipe.zeoserver.layouts.storage import SIDES, StorageLayout

_DAY = 24 * 60 * 60
_YEARS = 36500

_LEVELS = frozenset(
    {
        "all", "blather", "critical", "debug", "error", "fatal", "info", "notset",
        "trace", "warn", "warning",
    }
)  # fmt: skip

_ADDRESS = {"a": "zeo-address", "b": "zeo-address-b"}


def read(section: Section, base: Path, central: CentralLayout) -> StorageDeclaration:
    """Return the storage that a section declares.

    :param base: folder of the buildout, where relative paths begin.
    """
    places = central.storage(section.name)
    listening = _addresses(section, base, places)
    reachable = [address for address in listening.values() if not address.path]
    tls = _tls(section, "", optionvalues.path(base))
    _check_reach(section, listening, tls)
    return StorageDeclaration(
        name=section.name,
        addresses=listening,
        client=_client(section, central, reachable, tls),
        tls=tls,
        repository=section.read("backups", optionvalues.path(base)),
        scratch=section.read("scratch", optionvalues.path(base)),
        invalidation_queue_size=section.read(
            "invalidation-queue-size", optionvalues.whole(1, 10_000_000)
        ),
        invalidation_age=section.read("invalidation-age", _age),
        transaction_timeout=section.read(
            "transaction-timeout", optionvalues.whole(1, _DAY)
        ),
        drain_timeout=section.read("drain-timeout", optionvalues.decimal(0, 3600)),
        client_conflict_resolution=section.read(
            "client-conflict-resolution", optionvalues.truth
        ),
        log_level=section.read("zeo-log-level", _level),
        log_custom=section.read("zeo-log-custom", additional.log_handlers),
        zeo_conf_additional=section.read("zeo-conf-additional", additional.zeo_keys),
        pack_days=section.read("pack-days", optionvalues.decimal(0, _YEARS)),
        pack_gc=section.read("pack-gc", optionvalues.truth),
        pack_keep_old=section.read("pack-keep-old", optionvalues.truth),
        full_every=section.read("full-every", optionvalues.whole(1, _YEARS)),
        keep=section.read("keep", optionvalues.whole(1, 10_000)),
        backup_at=section.read("backup-at", schedules.parse),
        verify_at=section.read("verify-at", schedules.parse),
        pack_at=section.read("pack-at", schedules.parse),
    )


def _addresses(
    section: Section, base: Path, places: StorageLayout
) -> Mapping[str, Address]:
    return {
        side: section.read(_ADDRESS[side], _address(base, places.socket(side)))
        for side in SIDES
    }


def _address(base: Path, default: Path) -> Callable[[str], Address]:
    parse = addresses.parser(base)
    return lambda text: parse(text) if text else Address(path=str(default))


def _check_reach(
    section: Section, listening: Mapping[str, Address], tls: Tls | None
) -> None:
    """Complain about addresses that cannot be, or that strangers could reach."""
    for side, address in listening.items():
        option = _ADDRESS[side]
        if address.path:
            try:
                addresses.check_socket(address.path)
            except UsageError as error:
                section.complain(f"{option}: {error.message}")
        elif tls is None and not addresses.is_local(address):
            section.complain(
                f"{option}: other machines can reach {address}, and whoever can "
                "connect to ZEO can run code: give ssl-certificate, ssl-key and "
                "ssl-authenticate"
            )


def _client(
    section: Section,
    central: CentralLayout,
    reachable: list[Address],
    server: Tls | None,
) -> ClientSettings:
    tls = _tls(section, "client-", values.absolute)
    if reachable and (server is None) != (tls is None):
        section.complain(
            "client-ssl-certificate, client-ssl-key and client-ssl-authenticate are "
            "needed exactly if ssl-certificate is"
        )
    host = section.read("client-host", addresses.host)
    if not host and any(addresses.is_everywhere(address) for address in reachable):
        section.complain(
            "client-host is needed: nobody can connect to an address that stands "
            "for all interfaces"
        )
    beside = SiteLayout.beside(central, section.name)
    return ClientSettings(
        folder=section.read("client-folder", values.absolute) or str(beside.caches),
        cache=section.read("client-cache", values.label),
        cache_size=section.read("client-cache-size", values.size),
        blob_cache_size=section.read("client-blob-cache-size", values.size),
        shared_blobs=section.read("client-shared-blobs", optionvalues.truth),
        wait_timeout=section.read("client-wait-timeout", optionvalues.whole(1, 3600)),
        host=host,
        tls=tls,
    )


def _tls(section: Section, prefix: str, path: optionvalues.PathReader) -> Tls | None:
    """Return one end's certificate; complain if only a part of it is given."""
    certificate, key, authenticate = (
        section.read(f"{prefix}ssl-{name}", path)
        for name in ("certificate", "key", "authenticate")
    )
    hostname = (
        section.read("client-ssl-server-hostname", addresses.host) if prefix else ""
    )
    given = (certificate, key, authenticate)
    if all(given):
        return Tls(certificate, key, authenticate, hostname)
    if any(given) or hostname:
        section.complain(
            f"{prefix}ssl-certificate, {prefix}ssl-key and "
            f"{prefix}ssl-authenticate belong together: give all three"
        )
    return None


def _age(text: str) -> float | None:
    return optionvalues.decimal(0, _YEARS * _DAY)(text) if text else None


def _level(text: str) -> str:
    if text.lower() not in _LEVELS:
        raise UsageError(f"it is no level; there are {', '.join(sorted(_LEVELS))}")
    return text.lower()
