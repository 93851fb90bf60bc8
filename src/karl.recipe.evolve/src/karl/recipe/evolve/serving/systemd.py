"""The processes of a site under systemd, which holds the site's socket.

A process is replaced without asking systemd: it belongs to the site's user, who
may end it, and its unit says that it is started again whenever it ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping

from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.evolve.rendering import systemdunits
from karl.recipe.evolve.rendering.supervisorconf import STOP_MARGIN
from karl.recipe.evolve.serving import records
from karl.recipe.evolve.serving.controller import Control
from karl.recipe.evolve.serving.health import eventually, has_ended
from karl.recipe.release.base import process
from karl.recipe.release.base.errors import UnfinishedError
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
        found = {}
        for number in range(1, self._site.serving.workers + 1):
            pid = self._pid(number)
            found[number] = Control("running" if pid else "", pid)
        return found

    def replace(self, number: int) -> None:
        """End a process; systemd starts it again."""
        pid = self._pid(number)
        if pid is None:
            unit = systemdunits.worker(self._site, number)
            self._systemctl("restart", [unit])
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        if not eventually(lambda: has_ended(pid), self._stop):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            if not eventually(lambda: has_ended(pid), 5.0):
                raise UnfinishedError(
                    f"Process {pid} of the site has not ended.", "See its log."
                )

    def outdated(self) -> str:
        """Return nothing: systemd itself tells of units that changed."""
        return ""

    def _pid(self, number: int) -> int | None:
        """Return the process, if what it said of itself is still true.

        The socket that it listens on is its own: another process that got its
        number does not listen there.
        """
        record = records.load(self._places.worker_record(number))
        if record is None or has_ended(record.pid):
            return None
        try:
            folder = os.readlink(f"/proc/{record.pid}/cwd")
        except OSError:
            return None
        return record.pid if folder == self._site.root else None

    def _systemctl(self, verb: str, units: list[str]) -> None:
        process.run([*self._site.serving.systemctl, verb, *units], timeout=300.0)
