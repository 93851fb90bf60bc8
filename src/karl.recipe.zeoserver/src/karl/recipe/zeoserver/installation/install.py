"""Having a database server's commands and configuration as they are declared."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from karl.recipe.release.base import files, generated, payload
from karl.recipe.release.base.errors import KarlError, PrerequisiteError
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.installation import (
    accounts,
    documents,
    scripts,
    served,
    trial,
)

_OPEN = 0o755
_PRIVATE = 0o700
_LOGS = 0o750

#: With the set-group-id bit, a new socket belongs to the folder's group.
_FOR_GROUP = 0o2750


def ensure(central: Central, reporter: Reporter) -> None:
    """Write the commands, the configuration and the folders of a database server.

    Idempotent; writes only what is not as it should be.  Starts and stops no
    server, and touches no database, no backup and no state.

    :raises KarlError: something forbids it; nothing was written.
    """
    account = accounts.owner(central)
    group = accounts.socket_group(central)
    _check_repositories(central)
    trial.check_additions(central)
    places = central.places
    with locked(places.install_lock, "write the database server's commands", wait=60.0):
        dropped = served.check_dropped(central)
        _make_folders(central, group)
        code = scripts.read_payload()
        lib = places.lib / payload.digest_of(code)
        commands = scripts.render(places, lib, payload.base_interpreter())
        texts = documents.of(central, account)
        files.remove_partial(places.lib)
        generated.remove_leftovers([*commands, *texts])
        payload.write(lib, code)
        written = [*generated.write(commands, _OPEN), *generated.write(texts)]
        gone = _remove(documents.outdated_units(central, texts))
        payload.remove_unused(places.lib, places.bin)
    _tell_of_files(central, written, gone, reporter)
    if dropped:
        reporter.warn(
            f"Not declared any more: {', '.join(dropped)}. Their folders in "
            f"{places.root} are kept as they are."
        )
    if os.geteuid() == 0:
        reporter.warn(f"The servers will run as {account.user}; give them a user.")
    _tell_of_certificates(central, reporter)
    for name in sorted(central.storages):
        served.update_programs(central, name, reporter)


def _check_repositories(central: Central) -> None:
    """Refuse to make the folder that a disk should be mounted on.

    :raises PrerequisiteError: the folder around one for backups is missing, or one
        that an earlier run made.
    """
    before = _repositories_before(central)
    for name, declared in central.storages.items():
        for folder in filter(None, (declared.repository, declared.scratch)):
            parent = Path(folder).parent
            if not parent.is_dir():
                raise PrerequisiteError(
                    f"{parent} is missing, where {name} is to have {folder}.",
                    "Make that folder, or mount the disk that it is on.",
                )
        if declared.repository in before and not Path(declared.repository).is_dir():
            raise PrerequisiteError(
                f"{declared.repository}, where the backups of {name} are, is missing.",
                "Is its disk mounted? If there are no backups any more, make that "
                "folder.",
            )


def _repositories_before(central: Central) -> set[str]:
    """Return the folders for backups that were declared when this ran last."""
    with contextlib.suppress(KarlError):
        known = Central.load(central.places).storages.values()
        return {each.repository for each in known if each.repository}
    return set()


def _tell_of_certificates(central: Central, reporter: Reporter) -> None:
    """Say what is missing; the command that can make it may be new, too."""
    for name, declared in sorted(central.storages.items()):
        for path in declared.tls.files if declared.tls else ():
            if not os.path.lexists(path):
                reporter.warn(f"{path} is missing; TLS of {name} needs it to start.")


def _make_folders(central: Central, group: int) -> None:
    for name, declared in central.storages.items():
        places = central.storage_places(name)
        files.make_directory_as(places.root, _OPEN)
        for folder in (places.databases, places.control_folder):
            files.make_directory_as(folder, _PRIVATE)
        files.make_directory_as(
            places.run, _PRIVATE if group < 0 else _FOR_GROUP, group
        )
        files.make_directory_as(places.logs, _LOGS)
        if not declared.repository:
            files.make_directory_as(places.repository.root, _PRIVATE)
        for given in filter(None, (declared.repository, declared.scratch)):
            # Whoever made it has said whom it is open to.
            files.make_private_directory(Path(given))
    files.make_directory(central.places.programs)
    files.make_directory(central.places.logs)


def _remove(paths: list[Path]) -> list[Path]:
    for path in paths:
        files.remove_tree(path)
    return paths


def _tell_of_files(
    central: Central, written: list[Path], gone: list[Path], reporter: Reporter
) -> None:
    places = central.places
    if written:
        reporter.say(f"Wrote {places.zeoctl} and {places.etc}")
    if any(path.parent == places.systemd for path in written):
        reporter.say(
            f"Units for systemd changed; {places.unit(f'{central.name}.service')} says "
            "how it gets to know them."
        )
    timers = [path.name for path in gone if path.suffix == ".timer"]
    if timers:
        reporter.warn(
            "Timers that are no more; where systemd has them: systemctl disable --now "
            f"{' '.join(timers)}"
        )
