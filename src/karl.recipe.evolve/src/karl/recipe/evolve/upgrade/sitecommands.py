"""Running the commands that the site's buildout names: its hooks, and what scrubs."""

from __future__ import annotations

from collections.abc import Mapping

from karl.recipe.evolve.declaration.model import Command
from karl.recipe.evolve.upgrade.step import Work
from karl.recipe.release.base.errors import KarlError

#: Characters of what a command has said that are told.
_SHOWN = 500


def run(
    work: Work, option: str, command: Command, limit: float, env: Mapping[str, str]
) -> None:
    """Run a command to its end.

    :param option: that names it.
    :param limit: seconds that it may take.
    :raises KarlError: it failed, or took longer.
    """
    ended = work.programs.run(command, limit, env=env)
    if ended.late or ended.status:
        how = f"took longer than {limit:g} s" if ended.late else "failed"
        said = ended.text.strip()[-_SHOWN:]
        raise KarlError(
            f"The command {option} {how}: {' '.join(command)}.",
            f"It said: {said}" if said else f"See {work.places.errors}.",
        )
