"""What a step of a rollout is, and what it works with."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from karl.recipe.evolve.rollout.model import Rollouts
from karl.recipe.evolve.rollout.places import RunPlaces
from karl.recipe.evolve.rollout.programs import Programs
from karl.recipe.evolve.rollout.tags import Repository
from karl.recipe.release.base.names import IndexName
from karl.recipe.release.base.reporter import Reporter, Task

#: Characters of a command's last words that are shown.
_SHOWN = 60

#: What a step has found: JSON values by name.
Facts = Mapping[str, Any]


@dataclass
class Work:
    """The rollout of one version, at work.

    :ivar facts: what steps have found, in this run or an earlier one.
    :ivar done: names of the steps that were done in an earlier run.
    :ivar rehearses: the steps are rehearsed before the site is evolved.
    :ivar scratch: gives folders that are removed at the end.
    :ivar seen: what a step's check has seen, for the step.
    :ivar warnings: what went on although something was not as it should be.
    """

    declared: Rollouts
    version: str
    places: RunPlaces
    programs: Programs
    scratch: contextlib.ExitStack
    facts: dict[str, Any] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    rehearses: bool = True
    seen: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    _tree: Path | None = field(default=None, init=False, repr=False)

    @property
    def reporter(self) -> Reporter:
        """Who is told how it goes."""
        return self.programs.reporter

    @property
    def tag(self) -> str:
        """The tag of the version."""
        return self.declared.tag_of(self.version)

    @property
    def index(self) -> IndexName:
        """The index of the version."""
        return self.declared.index_of(self.version)

    def folder(self) -> Path:
        """Return a new folder, which is removed at the end."""
        made = tempfile.TemporaryDirectory(prefix="karl-rollout-")
        return Path(self.scratch.enter_context(made))

    def tree(self) -> tuple[Path, str]:
        """Return the source tree of the tag, and its commit; it is fetched once."""
        root = self._tree or self.folder() / "source"
        if self._tree is None:
            commit = Repository(self.declared.source).check_out(self.tag, root)
            self.facts["checked_out"] = commit
            self._tree = root
        return root / self.declared.folder, self.facts["checked_out"]

    def end_of_log(self, lines: int) -> str:
        """Return the last lines that commands have said."""
        if not self.places.log.is_file():
            return ""
        text = self.places.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.replace("\r", "\n").rstrip().splitlines()[-lines:])

    def watching(self, task: Task) -> Callable[[float], None]:
        """Return what shows with a task what the command that runs says."""
        return lambda _: task.advance(0, self.end_of_log(1)[-_SHOWN:])

    def warn(self, text: str) -> None:
        """Tell of something that is not as it should be, and go on."""
        self.reporter.warn(text)
        self.warnings.append(text)


def due(work: Work) -> str:
    """Say that there is something to do."""
    return ""


@dataclass(frozen=True)
class Step:
    """A step of a rollout.  Doing it again, or after a half of it, is no harm.

    :ivar description: a sentence for the plan; ``{fact}`` is filled in.
    :ivar apply: does it, and returns what it has found.
    :ivar check: tells why there is nothing to do; empty: there is.
    :ivar only_there: only where the site is on another machine.
    """

    name: str
    description: str
    apply: Callable[[Work], Facts]
    check: Callable[[Work], str] = due
    only_there: bool = False
