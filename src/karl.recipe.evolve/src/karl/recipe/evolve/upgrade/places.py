"""Every place on disk that an upgrade uses; nobody else joins a path here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from karl.recipe.evolve.declaration.layout import EvolveLayout, interpreter_of

_NUMBER = re.compile(r"[1-9][0-9]*\Z")


@dataclass(frozen=True)
class RunPlaces:
    """The places of one run of ``evolve``.

    :ivar root: ``var/upgrades/<number>``.
    """

    root: Path

    @property
    def number(self) -> int:
        """The number of the run."""
        return int(self.root.name)

    @property
    def journal(self) -> Path:
        """What was begun and done, JSON lines, each on disk before the next step."""
        return self.root / "journal.jsonl"

    @property
    def errors(self) -> Path:
        """What the commands said on standard error."""
        return self.root / "commands.log"

    @property
    def zodb_conf(self) -> Path:
        """Binds the new database copy."""
        return self.root / "zodb.conf"

    @property
    def scrub_conf(self) -> Path:
        """Opens the files of a copy that is scrubbed."""
        return self.root / "scrub.conf"

    @property
    def report_json(self) -> Path:
        """The report, for programs."""
        return self.root / "report.json"

    @property
    def report_html(self) -> Path:
        """The report, one page that needs nothing else."""
        return self.root / "report.html"


@dataclass(frozen=True)
class Places:
    """The places of a site's upgrades.

    :ivar root: the site's folder.
    """

    root: Path

    @property
    def layout(self) -> EvolveLayout:
        """The places of the site."""
        return EvolveLayout(self.root)

    @property
    def runs(self) -> Path:
        """``var/upgrades``: a folder a run."""
        return self.layout.site.var / "upgrades"

    @property
    def report(self) -> Path:
        """``var/report.html``: what ``evolve report`` writes."""
        return self.layout.site.var / "report.html"

    @property
    def lock(self) -> Path:
        """``var/lock/upgrade.lock``: held by the one command that upgrades."""
        return self.layout.site.var / "lock" / "upgrade.lock"

    def run(self, number: int) -> RunPlaces:
        """Return the places of one run."""
        return RunPlaces(self.runs / str(number))

    def all_runs(self) -> tuple[RunPlaces, ...]:
        """Return the places of all runs that there are, oldest first."""
        if not self.runs.is_dir():
            return ()
        names = [path.name for path in self.runs.iterdir() if _NUMBER.match(path.name)]
        found = (self.run(number) for number in sorted(map(int, names)))
        return tuple(run for run in found if run.journal.is_file())

    def interpreter(self, version: str) -> Path:
        """Return the interpreter of a release, or where it should be."""
        release = self.layout.release(version)
        return interpreter_of(release) or release.interpreter
