"""The processes of a site under systemd, which holds the site's socket.

A process is replaced without asking systemd: it belongs to the site's user, who
may end it, and its unit says that it is started again whenever it ends.
"""

from __future__ import annotations

from collections.abc import Mapping

from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.evolve.rendering import systemdunits
from karl.recipe.evolve.rendering.supervisorconf import STOP_MARGIN
from karl.recipe.evolve.serving import found
from karl.recipe.evolve.serving.controller import Control
from karl.recipe.release.base import process
from karl.recipe.release.base.reporter import Reporter


class Systemd:
    """Units of systemd; see ``etc/systemd``."""

    def __init__(self, site: SiteDeclaration) -> None:
        self._site = site
        self._places = site.places
        self._stop = site.timeouts.stop + STOP_MARGIN + 10.0

    def start(self, reporter: Reporter) -> None:
        """Start the units."""
        self._systemctl("start", [systemdunits.target(self._site)])

    def stop(self, reporter: Reporter) -> bool:
        """Stop the units; the socket too, so that nobody waits for an answer."""
        ran = self.runs()
        self._systemctl("stop", systemdunits.all_started(self._site))
        return ran

    def runs(self) -> bool:
        """Tell whether any process runs."""
        return any(each.pid for each in self.workers().values())

    def workers(self) -> Mapping[int, Control]:
        """Return which processes run."""
        known = {}
        for number in range(1, self._site.serving.workers + 1):
            pid = found.pid_of(self._places, number)
            known[number] = Control("running" if pid else "", pid)
        return known

    def replace(self, number: int) -> None:
        """End a process; systemd starts it again."""
        pid = found.pid_of(self._places, number)
        if pid is None:
            unit = systemdunits.worker(self._site, number)
            self._systemctl("restart", [unit])
            return
        found.end([pid], self._stop)

    def outdated(self) -> str:
        """Return nothing: systemd itself tells of units that changed."""
        return ""

    def _systemctl(self, verb: str, units: list[str]) -> None:
        process.run([*self._site.serving.systemctl, verb, *units], timeout=300.0)
