"""What a new declaration means for storages that are served."""

from __future__ import annotations

import contextlib
from pathlib import Path

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import BusyError, DamagedError, RefusedError
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.databases.state import StorageState
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.rendering import supervisorconf, zeoconf

#: Seconds to wait for a command that changes what is served.
PATIENCE = 5.0


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
            f"Declare them again, run {places.zeoctl} unserve STORAGE NUMBER --live "
            "for each copy that is served, and then drop them.",
        )
    return names


def update_programs(central: Central, name: str, reporter: Reporter) -> None:
    """Have supervisord's programs of a storage be as declared; stop and start none.

    Tells which servers have to be restarted to run as declared.
    """
    try:
        state = states.load(central.storage_places(name))
        changed = _write_programs(central, name, state)
    except (BusyError, DamagedError) as error:
        # The other storages can be installed all the same.
        reporter.warn(f"The programs of {name} were not looked at. {error}")
        return
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


def _write_programs(central: Central, name: str, state: StorageState) -> set[str]:
    """Write those that are not as they should be; return their sides.

    :raises BusyError: a command changes what is served.
    """
    places = central.storage_places(name)
    texts = {
        central.places.program(name, side): supervisorconf.render_program(
            central, name, side
        )
        for side in state.serving
    }
    changed = [path for path, text in texts.items() if not _says(path, text)]
    if not changed:
        return set()
    with locked(places.lock, f"write the programs of {name}", PATIENCE):
        serving = states.load(places).serving
        sides = {
            side for side in serving if central.places.program(name, side) in changed
        }
        for side in sides:
            path = central.places.program(name, side)
            files.write_if_changed(path, texts[path])
    return sides


def _says(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _runs_otherwise(central: Central, name: str, side: str, number: int) -> bool:
    """Tell whether a server runs that read another configuration at its start."""
    if not central.storage_places(name).control(side).exists():
        return False
    with contextlib.suppress(FileNotFoundError):
        text = central.places.zeo_conf(name, side).read_text(encoding="utf-8")
        return text not in {
            zeoconf.render(central, name, side, number, read_only=read_only)
            for read_only in (False, True)
        }
    return False
