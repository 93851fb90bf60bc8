"""Having a site's commands and configuration as they are declared."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from karl.recipe.evolve.declaration.layout import EvolveLayout
from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.evolve.installation import accounts, documents, scripts
from karl.recipe.evolve.serving import modefile
from karl.recipe.release.base import files, generated, payload, supervision
from karl.recipe.release.base.errors import (
    BusyError,
    PrerequisiteError,
    RefusedError,
    UnreachableError,
)
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.reporter import Reporter

_PRIVATE = 0o700
_LOGS = 0o750

#: The site's socket is for a web server, too, whatever its group.
_SOCKETS = 0o751


def ensure(site: SiteDeclaration, page: Path | None, reporter: Reporter) -> None:
    """Write the commands, the configuration and the folders of a site.

    Idempotent; writes only what is not as it should be.  Starts and stops no
    process, and touches no release, no revision, no mode and no journal.

    :param page: the customer's page for refusals; None: our own is sent.
    :raises KarlError: something forbids it; nothing was written.
    """
    account = accounts.owner(site)
    text = _read_page(page)
    _check_control(site)
    places = site.places
    with locked(places.site.tools_lock, "write the site's commands", wait=60.0):
        code = scripts.read_payload()
        lib = places.lib / payload.digest_of(code)
        commands = scripts.render(site, lib, payload.base_interpreter())
        texts = documents.of(site, account, text)
        files.remove_partial(places.lib)
        generated.remove_leftovers([*commands, *texts, places.mode])
        _make_folders(site)
        payload.write(lib, code)
        written = [*generated.write(commands, 0o755), *generated.write(texts)]
        for path in documents.outdated(site, {**commands, **texts}):
            files.remove_tree(path)
        modefile.ensure_mode(places)
        remove_unused(places)
    _tell(site, written, reporter)


def _check_control(site: SiteDeclaration) -> None:
    """Refuse to take away what stops a supervisord that runs.

    :raises RefusedError: it does, and systemd is to run the processes.
    """
    places = site.places
    if site.serving.control == "supervisord" or not places.supervisor_socket.exists():
        return
    with contextlib.suppress(UnreachableError):
        start = f"{places.site_command} start"
        log = places.supervisor_log
        with supervision.reached(places.supervisor_socket, start, log) as proxy:
            proxy.getState()
            raise RefusedError(
                "supervisord still runs the processes of the site.",
                f"Stop them first: {places.site_command} stop.",
            )


def remove_unused(places: EvolveLayout) -> None:
    """Remove code that no command names; not while switch-version may run it."""
    with contextlib.suppress(BusyError), locked(places.site.switch_lock, "tidy up"):
        payload.remove_unused(places.lib, places.bin)


def _read_page(page: Path | None) -> str | None:
    if page is None:
        return None
    try:
        return page.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise PrerequisiteError(
            f"The page {page} cannot be read: {error}.",
            "Write that file, in UTF-8, or correct mode-page.",
        ) from None


def _make_folders(site: SiteDeclaration) -> None:
    places = site.places
    files.make_directory(places.bin)
    files.make_directory(places.lib)
    files.make_directory(places.site.var)
    files.make_directory_as(places.run, _SOCKETS)
    files.make_directory_as(places.logs, _LOGS)
    files.make_directory(places.mode_folder)
    address = site.serving.address
    if address.path:
        files.make_directory(Path(address.path).parent)


def _tell(site: SiteDeclaration, written: list[Path], reporter: Reporter) -> None:
    places = site.places
    if written:
        reporter.say(f"Wrote {places.site_command}, {places.evolve_command} and more")
    if any(path.parent == places.systemd for path in written):
        reporter.say(
            f"Units for systemd changed; the files in {places.systemd} say how it "
            "gets to know them."
        )
    if places.declaration in written:
        reporter.say(f"Processes that run know it after {places.site_command} restart.")
    if os.geteuid() == 0:
        reporter.warn("The site will run as root; give it a user of its own.")
