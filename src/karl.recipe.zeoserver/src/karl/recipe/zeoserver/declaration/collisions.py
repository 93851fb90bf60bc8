"""What two storages, or two options of one, cannot both have."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator

from karl.recipe.release.base.errors import UsageError
from karl.recipe.zeoserver.declaration import addresses
from karl.recipe.zeoserver.declaration.model import Central

#: supervisord binds a name of its own first: ``.`` and its process id.
_SUPERVISOR_SOCKET_LIMIT = addresses.SOCKET_LIMIT - len(".4194304")


def of(central: Central) -> list[str]:
    """Tell of everything that collides."""
    return [
        *_of_addresses(central),
        *_of_sockets_with_files(central),
        *_of_folders(central),
        *_of_our_own_sockets(central),
    ]


def _of_addresses(central: Central) -> Iterator[str]:
    listening = [
        (f"[{name}] {side}", address)
        for name, declared in central.storages.items()
        for side, address in declared.addresses.items()
    ]
    for (one, first), (other, second) in itertools.combinations(listening, 2):
        if addresses.collide(first, second):
            same = f"{first}" if first == second else f"{first} and {second}"
            yield f"the addresses {one} and {other} collide: {same}"


def _of_sockets_with_files(central: Central) -> Iterator[str]:
    """Tell of sockets in the way: a server removes what has its socket's name."""
    ours = [os.path.realpath(central.root), *(path for _, path in _folders(central))]
    for name, declared in central.storages.items():
        run = os.path.realpath(central.storage_places(name).run)
        for side, address in declared.addresses.items():
            path = os.path.realpath(address.path)
            if not address.path or os.path.dirname(path) == run:
                continue
            if any(_is_in(path, each) for each in ours):
                yield (
                    f"[{name}] {side}: the socket {address} is among other files of "
                    f"the database server; put it into {run}, or somewhere else"
                )


def _of_folders(central: Central) -> Iterator[str]:
    """Folders that are somebody's alone: none is in another, nor in the root."""
    given = list(_folders(central))
    root = os.path.realpath(central.root)
    for what, path in given:
        if _is_in(path, root) or _is_in(root, path):
            yield (
                f"{what} = {path}: it is in the root or contains it; leave the option "
                "out for a folder in the storage's own"
            )
    for (one, first), (other, second) in itertools.combinations(given, 2):
        if _is_in(first, second) or _is_in(second, first):
            yield (
                f"{one} and {other} are the same folder, or one is in the other: "
                f"{first}, {second}; write {{storage}} for the storage's name"
            )


def _folders(central: Central) -> Iterator[tuple[str, str]]:
    """Yield the folders that options give, by what they are."""
    for name, declared in central.storages.items():
        for option, path in (
            ("backups", declared.repository),
            ("scratch", declared.scratch),
        ):
            if path:
                yield f"[{name}] {option}", os.path.realpath(path)


def _of_our_own_sockets(central: Central) -> Iterable[str]:
    """Return what is wrong with the length of sockets that are not clients'."""
    controls = [
        central.storage_places(name).control(side)
        for name, declared in central.storages.items()
        for side in declared.addresses
    ]
    limits = [(path, addresses.SOCKET_LIMIT) for path in controls]
    limits.append((central.places.supervisor_socket, _SUPERVISOR_SOCKET_LIMIT))
    for path, limit in limits:
        try:
            addresses.check_socket(str(path), limit)
        except UsageError as error:
            yield f"root: {error.message}"


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")
