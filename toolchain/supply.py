"""Files of the tools in the pool: looked up, checked, fetched."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError, UnreachableError
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.reporter import counted
from toolchain.pip import Pip
from toolchain.tools import Tool

#: Seconds to wait for another command that changes the pool.
_PATIENCE = 600.0


def has(pool: Path, tool: Tool) -> bool:
    """Tell whether the pool has the tool's file.

    :raises DamagedError: it has another one under that name.
    """
    path = pool / tool.file
    if not path.exists():
        return False
    _check(path, tool)
    return True


class Supply:
    """Fills the pool with the files of tools.

    :param pip: fetches what is missing.
    """

    def __init__(self, software: SoftwareLayout, pip: Pip) -> None:
        self.pool = software.pool
        self._lock = software.pool_lock
        self._pip = pip

    def missing(self, tools: Sequence[Tool]) -> list[Tool]:
        """Return the tools whose file is not in the pool.

        :raises DamagedError: a file is not the one that the lock file names.
        """
        return [tool for tool in tools if not has(self.pool, tool)]

    def lack(self, missing: Sequence[Tool]) -> UnreachableError:
        """Return the error that names the files of *missing*."""
        names = "".join(f"\n  {tool.file}" for tool in missing)
        return UnreachableError(
            f"{self.pool} lacks {counted(len(missing), 'files')}:{names}",
            "Copy them there, or run bootstrap.py without --offline.",
        )

    def fill(self, tools: Sequence[Tool]) -> None:
        """Fetch the files that are missing, each checked by its hash.

        :raises DamagedError: a file is not the one that the lock file names.
        :raises UnreachableError: files cannot be fetched.
        """
        if not self.missing(tools):
            return
        with locked(self._lock, "fetch the tools", _PATIENCE):
            files.remove_partial(self.pool)
            self._fetch(self.missing(tools))

    def _fetch(self, tools: Sequence[Tool]) -> None:
        basket = files.partial_name(self.pool / "download")
        files.make_directory(basket)
        try:
            self._pip.download(tools, basket)
            for tool in tools:
                _check(basket / tool.file, tool)
            for tool in tools:
                os.link(basket / tool.file, self.pool / tool.file)
            files.fsync_directory(self.pool)
        finally:
            with contextlib.suppress(OSError):
                files.remove_tree(basket)


def _check(path: Path, tool: Tool) -> None:
    try:
        found = files.sha256_of(path)
    except FileNotFoundError:
        raise UnreachableError(
            f"pip did not download {path.name}, but another file of {tool.name}.",
            "Check pip's index-url: a mirror may lack this file.",
        ) from None
    if found != tool.sha256:
        raise DamagedError(
            f"{path} is not the file that the lock file names: its sha256 is "
            f"{found}, not {tool.sha256}.",
            "Find out where it came from, remove it, and run bootstrap.py again.",
        )
