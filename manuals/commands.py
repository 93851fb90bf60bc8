"""The commands that people type or write down, and the packages that bring them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from karl.recipe.evolve.rollout import command as rollout
from karl.recipe.evolve.running import command as evolve_run
from karl.recipe.evolve.serving import command as site
from karl.recipe.evolve.upgrade import command as evolve
from karl.recipe.evolve.upgrade import refreshing
from karl.recipe.release.indexes import cli
from karl.recipe.release.sites import switchoptions
from karl.recipe.zeoserver.commands import forced, zeoctl
from manuals import bash, manpage, zsh
from manuals.tree import read
from tour import command as tour


@dataclass(frozen=True)
class Manual:
    """A command and what is written about it.

    :ivar package: brings the command.
    :ivar parser: returns its parser.
    :ivar extra: words that its first argument may be, beside what it is named for.
    """

    name: str
    package: str
    parser: Callable[[], argparse.ArgumentParser]
    extra: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where the files are kept, in the package."""
        return Path(str(resources.files(self.package)), "manuals")

    def files(self) -> dict[Path, str]:
        """Return the text of each file."""
        command = read(self.parser(), self.name)
        others = tuple(
            one.name
            for one in MANUALS
            if one.package == self.package and one is not self
        )
        return {
            self.folder / f"{self.name}.1": manpage.render(
                command, self.package, others
            ),
            self.folder / f"{self.name}.bash": bash.render(command, self.extra),
            self.folder / f"{self.name}.zsh": zsh.render(command, self.extra),
        }


MANUALS = (
    Manual("karl-index", "karl.recipe.release", cli.parser),
    Manual(
        "switch-version",
        "karl.recipe.release",
        lambda: switchoptions.build_parser(None),
    ),
    Manual("zeoctl", "karl.recipe.zeoserver", zeoctl.build_parser),
    Manual("zeoctl-ssh", "karl.recipe.zeoserver", forced.build_parser),
    Manual("evolve", "karl.recipe.evolve", evolve.build_parser, ("report", "status")),
    Manual("evolve-run", "karl.recipe.evolve", evolve_run.parser),
    Manual("refresh-staging", "karl.recipe.evolve", refreshing.build_parser),
    Manual("rollout", "karl.recipe.evolve", rollout.build_parser),
    Manual("site", "karl.recipe.evolve", site.build_parser),
    Manual("tour", "tour", tour.parser),
)
