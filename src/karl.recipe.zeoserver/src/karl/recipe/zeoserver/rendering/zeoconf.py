"""The configuration of one ZEO server, which serves one database copy."""

from __future__ import annotations

from karl.recipe.zeoserver.declaration.model import (
    Central,
    StorageDeclaration,
    storage_name,
)
from karl.recipe.zeoserver.rendering.zconfig import boolean, section, tls_keys, value

_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def render(
    central: Central, name: str, side: str, number: int, *, read_only: bool
) -> str:
    """Return what ``ZEO.runzeo.ZEOOptions`` reads.

    :param name: the storage.
    :param side: the address that serves, ``a`` or ``b``.
    :param number: of the database copy that is served.
    :param read_only: the server refuses commits from its start.
    """
    declared = central.storages[name]
    lines = [
        "# Written by karl.recipe.zeoserver each time the server starts.",
        *section("zeo", _server(declared, side, read_only=read_only)),
        *_file_storage(central, name, number),
        *section("eventlog", _log(central, name, side)),
    ]
    return "\n".join(lines) + "\n"


def _server(declared: StorageDeclaration, side: str, *, read_only: bool) -> list[str]:
    address = declared.addresses[side]
    lines = [
        f"address {value(address)}",
        f"read-only {boolean(read_only)}",
        f"invalidation-queue-size {declared.invalidation_queue_size}",
        f"transaction-timeout {declared.transaction_timeout}",
        f"client-conflict-resolution {boolean(declared.client_conflict_resolution)}",
    ]
    if declared.invalidation_age is not None:
        lines.append(f"invalidation-age {declared.invalidation_age:g}")
    lines += declared.zeo_conf_additional.splitlines()
    if declared.tls and not address.path:
        lines += section("ssl", tls_keys(declared.tls))
    return lines


def _file_storage(central: Central, name: str, number: int) -> list[str]:
    declared = central.storages[name]
    copy = central.storage_places(name).copy(number)
    keys = [
        f"path {value(copy.data)}",
        f"blob-dir {value(copy.blobs)}",
        f"pack-gc {boolean(declared.pack_gc)}",
        f"pack-keep-old {boolean(declared.pack_keep_old)}",
    ]
    return section("filestorage", keys, storage_name(name, number))


def _log(central: Central, name: str, side: str) -> list[str]:
    declared = central.storages[name]
    handlers = declared.log_custom.splitlines() or section(
        "logfile",
        [
            f"path {value(central.storage_places(name).log(side))}",
            f"format {_FORMAT}",
            "encoding utf-8",
        ],
    )
    return [f"level {declared.log_level}", *handlers]
