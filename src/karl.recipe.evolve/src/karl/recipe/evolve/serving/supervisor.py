"""The processes of a site under a supervisord of the site's own."""

from __future__ import annotations

import contextlib
import shutil
import xmlrpc.client
from collections.abc import Iterator, Mapping
from typing import Any

from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.evolve.rendering.supervisorconf import GROUP, STOP_MARGIN
from karl.recipe.evolve.serving import found, vacancy
from karl.recipe.evolve.serving.controller import Control
from karl.recipe.evolve.serving.health import tail
from karl.recipe.release.base import files, process, supervision
from karl.recipe.release.base.errors import (
    KarlError,
    PrerequisiteError,
    UnfinishedError,
    UnreachableError,
)
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.release.base.waiting import eventually, has_ended

#: Seconds that supervisord has to start.
_START = 20.0

#: supervisord's words for a process that it does not go on trying to start.
_GIVEN_UP = frozenset({"EXITED", "FATAL", "STOPPED", "UNKNOWN"})


class Supervisor:
    """supervisord, which holds the site's socket and passes it to each process."""

    def __init__(self, site: SiteDeclaration) -> None:
        self._site = site
        self._places = site.places
        self._stop = site.timeouts.stop + STOP_MARGIN + 10.0

    def start(self, reporter: Reporter) -> None:
        """Start supervisord, or what does not run under it."""
        if not self.runs():
            self._end_orphans(reporter)
            self._start_supervisord(reporter)
            return
        for number, known in self.workers().items():
            if known.pid is None:
                self._start_worker(number, known.state)

    def stop(self, reporter: Reporter) -> bool:
        """Stop supervisord, with every process."""
        if not self.runs():
            return self._end_orphans(reporter)
        reporter.say("Stopping supervisord")
        with self._reached() as proxy:
            pid = int(proxy.getPID())
            proxy.shutdown()
        if not eventually(lambda: has_ended(pid), self._stop):
            raise UnfinishedError(
                f"supervisord has not ended after {self._stop:.0f} seconds.",
                f"See {self._places.supervisor_log}.",
            )
        return True

    def runs(self) -> bool:
        """Tell whether supervisord answers.

        :raises RefusedError: it does not answer this user.
        """
        try:
            with self._reached(patience=5.0) as proxy:
                return bool(proxy.getState()["statename"] == "RUNNING")
        except UnreachableError:
            return False

    def workers(self) -> Mapping[int, Control]:
        """Return supervisord's words; empty if it does not run."""
        try:
            with self._reached() as proxy:
                known = proxy.getAllProcessInfo()
        except UnreachableError:
            return {}
        return {
            int(each["name"].rpartition("-")[2]): Control(
                each["statename"],
                each["pid"] or None,
                each["statename"] in _GIVEN_UP,
            )
            for each in known
            if each["group"] == GROUP
        }

    def replace(self, number: int) -> None:
        """Have supervisord stop and start a process."""
        with (
            self._reached(patience=self._stop) as proxy,
            supervision.unless(supervision.NOT_RUNNING),
        ):
            proxy.stopProcess(_name(number))
        self._start_worker(number, "")

    def outdated(self) -> str:
        """Tell if supervisord knows an older configuration than is written."""
        with self._reached() as proxy:
            added, changed, removed = proxy.reloadConfig()[0]
        if not {*added, *changed, *removed}:
            return ""
        return (
            "The address or the number of processes was changed: that takes "
            "bin/site stop and bin/site start."
        )

    def _start_worker(self, number: int, state: str) -> None:
        with self._reached() as proxy:
            if state == "BACKOFF":
                # It would be tried again only after a while.
                with supervision.unless(supervision.NOT_RUNNING):
                    proxy.stopProcess(_name(number))
            try:
                proxy.startProcess(_name(number), False)
            except xmlrpc.client.Fault as fault:
                if fault.faultCode != supervision.ALREADY_STARTED:
                    raise

    def _end_orphans(self, reporter: Reporter) -> bool:
        """End what a supervisord left that was killed; tell if there was any.

        They still serve, but nobody would start them again, and they hold the
        site's socket.
        """
        pids = found.all_pids(self._places)
        if pids:
            reporter.warn(
                "supervisord was killed, and its processes went on: they are ended."
            )
            found.end(pids, self._stop)
        return bool(pids)

    def _start_supervisord(self, reporter: Reporter) -> None:
        places = self._places
        if not places.supervise_command.is_file():
            raise PrerequisiteError(
                f"{places.supervise_command} is missing.",
                "Run the site's buildout: it writes the commands.",
            )
        program = self._site.serving.supervisord
        if shutil.which(program) is None:
            raise PrerequisiteError(
                f"There is no program {program}, which is to run the site's processes.",
                "Install supervisor (apt-get install supervisor), name another place "
                "of it in the option supervisord, or have process-control = systemd.",
            )
        vacancy.check(self._site.serving.address)
        reporter.say("Starting supervisord")
        files.make_directory(places.logs)
        ended = process.start([places.supervise_command], log=places.supervise_output)

        def up() -> bool:
            return self.runs() or ended() is not None

        if not eventually(up, _START) or not self.runs():
            raise KarlError(
                "supervisord did not start.",
                f"Its last output:\n{tail(places.supervise_output)}",
            )

    @contextlib.contextmanager
    def _reached(self, patience: float = supervision.PATIENCE) -> Iterator[Any]:
        places = self._places
        with supervision.reached(
            places.supervisor_socket,
            f"{places.site_command} start",
            places.supervisor_log,
            patience,
        ) as proxy:
            yield proxy


def _name(number: int) -> str:
    return f"{GROUP}:worker-{number}"
