"""The ``zodb.conf`` that a site needs for one database copy."""

from __future__ import annotations

import dataclasses

from karl.recipe.zeoserver.declaration.model import (
    Address,
    Central,
    ClientSettings,
    storage_name,
)
from karl.recipe.zeoserver.layouts.site import ClientLayout
from karl.recipe.zeoserver.rendering.zconfig import boolean, section, tls_keys, value


def render(central: Central, name: str, number: int, side: str) -> str:
    """Return what ``ZODB.config`` and Zope read.

    :param name: the storage.
    :param number: of the database copy; no other can be reached with this text.
    :param side: the address that serves it, ``a`` or ``b``.
    """
    declared = central.storages[name]
    client = declared.client
    address = _seen_by(client, declared.addresses[side])
    keys = [
        f"server {value(address)}",
        f"storage {storage_name(name, number)}",
        f"name {storage_name(name, number)}",
        "read-only-fallback true",
        "server-sync true",
        f"wait-timeout {client.wait_timeout}",
        f"cache-size {client.cache_size}",
        *_caches(central, name, number),
    ]
    if client.tls and not address.path:
        keys += section("ssl", _tls(client, address))
    storage = section("clientstorage", keys)
    lines = ["%import ZEO", *section("zodb", storage, "main")]
    return "\n".join(lines) + "\n"


def _seen_by(client: ClientSettings, address: Address) -> Address:
    """Return the address under which the site's machine knows the server."""
    if address.path or not client.host:
        return address
    return dataclasses.replace(address, host=client.host)


def _caches(central: Central, name: str, number: int) -> list[str]:
    client = central.storages[name].client
    folder = ClientLayout.of(client.folder)
    lines = []
    if client.cache:
        cache = folder.cache(storage_name(name, number), client.cache)
        lines.append(f"cache-path {value(cache)}")
    if client.shared_blobs:
        blobs = central.storage_places(name).copy(number).blobs
        return [*lines, f"blob-dir {value(blobs)}", "shared-blob-dir true"]
    blobs = folder.blobs(storage_name(name, number))
    return [
        *lines,
        f"blob-dir {value(blobs)}",
        f"shared-blob-dir {boolean(truth=False)}",
        f"blob-cache-size {client.blob_cache_size}",
    ]


def _tls(client: ClientSettings, address: Address) -> list[str]:
    if client.tls is None:
        return []
    expected = client.tls.server_hostname or address.host
    return [*tls_keys(client.tls), f"server-hostname {value(expected)}"]
