"""The recipe ``karl.recipe.zeoserver``: every site's database, from one place."""

from __future__ import annotations

from typing import Any

import zc.buildout

from karl.recipe.release.base import files
from karl.recipe.release.base.console import Console
from karl.recipe.release.base.errors import KarlError
from karl.recipe.zeoserver.declaration import options as declared
from karl.recipe.zeoserver.installation.install import ensure


class ZeoServer:
    """Writes the commands and the configuration of a database server."""

    def __init__(self, buildout: Any, name: str, options: Any) -> None:
        self.name = name
        try:
            self.central = declared.read(buildout, name, options)
        except KarlError as error:
            raise zc.buildout.UserError(f"[{name}] {error}") from error

    def install(self) -> tuple[str, ...]:
        """Do the work.  Returns no path, so that buildout never deletes one."""
        files.let_no_stranger_write()
        try:
            ensure(self.central, Console())
        except (KarlError, OSError) as error:
            raise zc.buildout.UserError(f"[{self.name}] {error}") from error
        return ()

    update = install
