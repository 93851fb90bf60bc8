"""What a new declaration means for storages that are served."""

from __future__ import annotations

import contextlib

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import BusyError, DamagedError, RefusedError
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.rendering import supervisorconf, zeoconf


def check_dropped(central: Central) -> list[str]:
    """Return storages that are on disk and not declared any more.

    :raises RefusedError: one of them is served.
    """
    places = central.places
    names = [name for name in places.storage_names() if name not in central.storages]
    served = [name for name in names if states.load(places.storage(name)).serving]
    if served:
        listed = ", ".join(served)
        raise RefusedError(
            f"Not declared any more, and still served: {listed}.",
            f"Declare them again, and first run {places.zeoctl} unserve.",
        )
    return names


def update_programs(central: Central, name: str, reporter: Reporter) -> None:
    """Have supervisord's programs of a storage be as declared; stop and start none.

    Tells which servers have to be restarted to run as declared.
    """
    places = central.storage_places(name)
    try:
        state = states.load(places)
    except DamagedError as error:
        reporter.warn(f"{error}")  # one storage's fault is not the others'
        return
    written = {
        side: central.places.program(name, side)
        for side in sorted(state.serving)
        if central.places.program(name, side).is_file()
    }
    texts = {
        side: supervisorconf.render_program(central, name, side) for side in written
    }
    changed = [side for side in written if written[side].read_text() != texts[side]]
    if changed:
        try:
            with locked(places.lock, f"write the programs of {name}", wait=5.0):
                for side in changed:
                    files.write_if_changed(written[side], texts[side])
        except BusyError as error:
            reporter.warn(f"The programs of {name} were not written. {error}")
    outdated = [
        side
        for side, number in sorted(state.serving.items())
        if side in changed or _runs_otherwise(central, name, side, number)
    ]
    if outdated:
        reporter.warn(
            f"{name} runs as it was declared before; to have it run as it is now: "
            f"{central.places.zeoctl} restart {name}"
        )


def _runs_otherwise(central: Central, name: str, side: str, number: int) -> bool:
    """Tell whether a server read another configuration when it started."""
    with contextlib.suppress(FileNotFoundError):
        text = central.places.zeo_conf(name, side).read_text(encoding="utf-8")
        return text not in {
            zeoconf.render(central, name, side, number, read_only=read_only)
            for read_only in (False, True)
        }
    return False
