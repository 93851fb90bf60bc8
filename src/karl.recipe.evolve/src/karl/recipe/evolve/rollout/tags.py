"""The tag of a version: which commit it is, and that commit's files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base import process
from karl.recipe.release.base.errors import (
    KarlError,
    ProcessError,
    RefusedError,
    UnreachableError,
)

#: Variables of git that say how a repository is reached, and by whom.
_KEPT = frozenset(
    {"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_ASKPASS", "GIT_CONFIG_GLOBAL"}
)


@dataclass(frozen=True)
class Repository:
    """A git repository, here or elsewhere.

    :ivar source: its path or its URL.
    """

    source: str

    def commit_of(self, tag: str) -> str:
        """Return the commit that a tag names.

        :raises RefusedError: there is no such tag.
        :raises UnreachableError: the repository cannot be read.
        """
        name = f"refs/tags/{tag}"
        try:
            told = _git("ls-remote", "--", self.source, name, f"{name}^{{}}")
        except ProcessError as error:
            raise UnreachableError(
                f"git cannot read {self.source}: {error.output.strip()}",
                "Correct the option source, or see to it that git can read it without "
                "asking anything.",
            ) from None
        lines = [line.split("\t") for line in told.splitlines() if "\t" in line]
        found = {where: commit for commit, where in lines}
        commit = found.get(f"{name}^{{}}", found.get(name))
        if commit is None:
            raise RefusedError(
                f"There is no tag {tag} in {self.source}.",
                f"Make it: git tag {tag}; and push it, if the repository is elsewhere.",
            )
        return commit

    def check_out(self, tag: str, folder: Path) -> str:
        """Write the files of a tag to a new repository *folder*; return its commit.

        :raises KarlError: that failed.
        """
        name = f"refs/tags/{tag}"
        try:
            _git("init", "--quiet", "--", str(folder))
            _git(
                "fetch", "--quiet", "--depth=1", "--no-tags", "--", self.source, name,
                folder=folder,
            )  # fmt: skip
            _git("checkout", "--quiet", "--detach", "FETCH_HEAD", folder=folder)
            return _git("rev-parse", "HEAD", folder=folder).strip()
        except ProcessError as error:
            raise KarlError(
                f"git cannot check out {tag} of {self.source}: {error.output.strip()}",
                "See what git says of it.",
            ) from None


def _git(*words: str, folder: Path | None = None) -> str:
    """Run git as its user does, but for no other repository than is named."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name in _KEPT
    }
    env = {**kept, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
    return process.run(["git", *words], cwd=folder, env=env)
