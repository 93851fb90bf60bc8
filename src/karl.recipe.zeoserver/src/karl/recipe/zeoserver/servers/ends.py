"""Where the committed part of a storage's live copy ends."""

from __future__ import annotations

from karl.recipe.zeoserver.databases import datafs
from karl.recipe.zeoserver.databases.datafs import End
from karl.recipe.zeoserver.databases.state import StorageState
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.servers import control


def live_end(central: Central, name: str, state: StorageState) -> End:
    """Return the end of the last commit to the live copy of a storage.

    :raises RefusedError: it has none.
    :raises UnreachableError: it is served, but the server does not answer.
    """
    return end_of_copy(central, name, state, state.the_live(name).number)


def end_of_copy(central: Central, name: str, state: StorageState, number: int) -> End:
    """Return the end of the last commit to a copy.

    The server is asked, if there is one: only it knows what is committed.

    :raises UnreachableError: the copy is served, but the server does not answer.
    """
    places = central.storage_places(name)
    side = state.side_of(number)
    if side is not None:
        found = control.status(places, side)
        if found is not None and found.copy == number:
            return End(found.position, found.tid)
    return datafs.end_of(places.copy(number).data)
