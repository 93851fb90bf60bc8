"""The recipe ``karl.recipe.evolve:rollout``: from a tag to a live release."""

from __future__ import annotations

from typing import Any

import zc.buildout

from karl.recipe.evolve.installation.rollouts import ensure
from karl.recipe.evolve.rollout import options as declared
from karl.recipe.release.base import files
from karl.recipe.release.base.console import Console
from karl.recipe.release.base.errors import KarlError


class Rollout:
    """Writes the command ``rollout`` of a site."""

    def __init__(self, buildout: Any, name: str, options: Any) -> None:
        self.name = name
        try:
            self.rollouts = declared.read(buildout, name, options)
        except KarlError as error:
            raise zc.buildout.UserError(f"[{name}] {error}") from error

    def install(self) -> tuple[str, ...]:
        """Do the work.  Returns no path, so that buildout never deletes one."""
        files.let_no_stranger_write()
        try:
            ensure(self.rollouts, Console())
        except (KarlError, OSError) as error:
            raise zc.buildout.UserError(f"[{self.name}] {error}") from error
        return ()

    update = install
