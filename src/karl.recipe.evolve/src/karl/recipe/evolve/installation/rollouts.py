"""Having the command ``rollout`` of a site as it is declared."""

from __future__ import annotations

from karl.recipe.evolve.installation import documents, scripts
from karl.recipe.evolve.installation.install import remove_unused
from karl.recipe.evolve.rollout.model import Rollouts
from karl.recipe.release.base import files, generated, payload
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
        command = scripts.command(places.root, lib, payload.base_interpreter(), module)
        texts = {
            places.declaration: rollouts.to_text(),
            **documents.manual(layout, [places.command.name]),
        }
        generated.remove_leftovers([places.command, *texts])
        files.make_directory(layout.bin)
        files.make_directory(layout.lib)
        payload.write(lib, code)
        written = [
            *generated.write({places.command: command}, 0o755),
            *generated.write(texts),
        ]
        remove_unused(layout)
    if written:
        reporter.say(f"Wrote {places.command}")
