"""Having the command ``rollout`` of a site as it is declared."""

from __future__ import annotations

from pathlib import Path

from karl.recipe.evolve.installation import documents, scripts
from karl.recipe.evolve.installation.install import remove_leftovers, remove_unused
from karl.recipe.evolve.rollout.model import Rollouts
from karl.recipe.release.base import files, payload
from karl.recipe.release.base.accounts import check_owner
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.reporter import Reporter

#: Packages of which the command needs every module.
_PACKAGES = ("declaration", "rollout", "upgrade")


def ensure(rollouts: Rollouts, reporter: Reporter) -> None:
    """Write the command and what it knows.

    Idempotent; writes only what is not as it should be, and rolls nothing out.

    :raises KarlError: something forbids it; nothing was written.
    """
    places = rollouts.places
    layout = places.layout
    check_owner(places.root, "", "Rollouts are made")
    with locked(layout.site.tools_lock, "write the site's commands", wait=60.0):
        code = scripts.read_payload(_PACKAGES)
        lib = layout.lib / payload.digest_of(code)
        module = "karl.recipe.evolve.rollout.command"
        texts: dict[Path, tuple[str, int]] = {
            places.declaration: (rollouts.to_text(), 0o644),
            places.command: (
                scripts.command(places.root, lib, payload.base_interpreter(), module),
                0o755,
            ),
        }
        for path, text in documents.manual(layout, [places.command.name]).items():
            texts[path] = (text, 0o644)
        remove_leftovers(list(texts))
        files.make_directory(layout.bin)
        files.make_directory(layout.lib)
        payload.write(lib, code)
        written = [
            path
            for path, (text, mode) in texts.items()
            if files.write_if_changed(path, text, mode)
        ]
        remove_unused(layout)
    if written:
        reporter.say(f"Wrote {places.command}")
