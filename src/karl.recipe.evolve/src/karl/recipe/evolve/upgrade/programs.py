"""Driving the commands of a site and of its database server, as processes.

What they answer is JSON, and nothing else counts.  A command of the database server
that was cut off, by a lost connection or a limit of time, has an unknown outcome:
all that we ask for may be asked for again, so it is, until the server answers.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from karl.recipe.evolve.declaration.model import SiteDeclaration
from karl.recipe.evolve.upgrade import answers
from karl.recipe.evolve.upgrade.ahead import Ahead, Events, Take
from karl.recipe.evolve.upgrade.answers import OutcomeUnknownError
from karl.recipe.evolve.upgrade.places import Places
from karl.recipe.release.base import process
from karl.recipe.release.base.errors import KarlError, ProcessError, TimeLimitError
from karl.recipe.release.base.reporter import Reporter

#: Exit status of ssh when it could not reach the host, or lost it.
_SSH_FAILED = 255

#: Seconds between attempts at a database server that cannot be reached.
_PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)

#: Seconds that a command of ours waits for another that holds its lock.
_BUSY = "60"

#: Verbs of the database server that only look.
_LOOKING = frozenset({"status", "client-conf", "backups", "report"})

#: Exit code of a command that did what it should, but not all.
_UNFINISHED = 6


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    :ivar status: exit status; negative: the signal that ended it.
    :ivar text: what it wrote on standard output, complete.
    :ivar late: it was ended because it took too long.
    """

    status: int
    text: str
    late: bool = False


@dataclass
class Programs:
    """The commands that an upgrade drives.

    :ivar declared: what the buildout says of the site.
    :ivar errors: the file that what they write on standard error is added to.
    :ivar pauses: seconds between attempts at a database server that is not reached.
    """

    declared: SiteDeclaration
    reporter: Reporter
    errors: Path = Path(os.devnull)
    pauses: Sequence[float] = _PAUSES
    _away: bool = field(default=False, init=False)
    _cut_off: bool = field(default=False, init=False)

    @property
    def places(self) -> Places:
        """Where everything of the site is."""
        return Places(Path(self.declared.root))

    # The database server.

    @property
    def database_is_here(self) -> bool:
        """The database server's command is a program on this host."""
        command = self.declared.zeo_command
        return len(command) == 1 and Path(command[0]).is_file()

    def zeo(self, verb: str, *words: str, timeout: float | None = None) -> Any:
        """Run a verb of ``zeoctl`` for the site's storage; return its result.

        A server that was waited for in vain is asked once from then on, until it
        answers again.

        :param timeout: seconds; None: as the buildout says.
        :raises OutcomeUnknownError: the server cannot be reached.
        :raises KarlError: what zeoctl ended with.
        """
        for pause in () if self._away else self.pauses:
            try:
                return self._zeo(verb, words, timeout)
            except OutcomeUnknownError as error:
                self.reporter.warn(f"{error.message} Trying again in {pause:g} s.")
                time.sleep(pause)
        try:
            return self._zeo(verb, words, timeout)
        except OutcomeUnknownError:
            self._away = True
            raise

    def _zeo(self, verb: str, words: Sequence[str], timeout: float | None) -> Any:
        storage = self.declared.storage
        argv = [*self.declared.zeo_command, verb, storage, *words, "--json", "--quiet"]
        limit = self.declared.timeouts.storage if timeout is None else timeout
        if verb not in _LOOKING:
            # What was cut off here may be at work there, as long as it may take.
            argv += ["--wait", f"{limit:g}" if self._cut_off else _BUSY]
        try:
            result = self._result(f"zeoctl {verb}", self.run(argv, limit))
        except (OutcomeUnknownError, KeyboardInterrupt):
            self._cut_off |= verb not in _LOOKING
            raise
        self._cut_off &= verb in _LOOKING
        return result

    def _result(self, what: str, ended: Ended) -> Any:
        """Return what ``zeoctl`` told of the storage."""
        found = answers.document(ended.text)
        if ended.late or ended.status < 0 or ended.status == _SSH_FAILED:
            raise _unknown(what, ended)
        result = found.get("storages", {}).get(self.declared.storage) if found else None
        for each in (found, result):
            if told := answers.told_error(each):
                self._away = False
                raise answers.failure(what, told[2], told[0], told[1])
        if not isinstance(result, dict) or ended.status not in {0, _UNFINISHED}:
            raise _unknown(what, ended)
        self._away = False
        if ended.status == _UNFINISHED:
            self.reporter.warn(f"{what}: {result.get('text', 'not all was done')}")
        return result

    # The site.

    def site(self, verb: str, *words: str, timeout: float | None = None) -> Any:
        """Run a verb of ``bin/site``; return its result.

        :raises KarlError: what it ended with.
        """
        layout = self.places.layout
        return self._local(f"site {verb}", layout.site_command, (verb, *words), timeout)

    def site_status(self) -> Any:
        """Return what ``bin/site status`` tells, whether the site is well or not."""
        return self.site("status")

    def switch(self, *words: str, timeout: float | None = None) -> Any:
        """Run ``bin/switch-version``; return its result."""
        return self._local(
            "switch-version", self.places.layout.switch_command, words, timeout
        )

    def _local(
        self, what: str, command: Path, words: Sequence[str], timeout: float | None
    ) -> Any:
        ended = self.run([command, *words, "--json", "--quiet"], timeout)
        found = answers.document(ended.text)
        if told := answers.told_error(found):
            raise answers.failure(what, told[2], told[0], told[1])
        if found is None or ended.status != int(found.get("exit", 0)):
            how = (
                f"it did not answer within {timeout:g} s."
                if ended.late
                else f"it ended with status {ended.status} and no answer that can be "
                "read."
            )
            raise answers.failure(what, 1, how, f"See {self.errors}.")
        return found

    # The new release.

    def evolve_run(
        self,
        version: str,
        words: Sequence[str],
        take: Take,
        *,
        limit: float | None = None,
    ) -> int:
        """Run ``evolve-run`` with the software of a release.

        :param take: is given each event, while it runs.
        :param limit: seconds that it may take, if less than the buildout says.
        :return: its exit code.
        """
        allowed = self._allowed(limit)
        with tempfile.NamedTemporaryFile(prefix="evolve-") as output:
            path = Path(output.name)
            events = Events(path, take)
            ended = self.run(
                self._evolve_run(version, words),
                allowed,
                log=path,
                beat=lambda _: events.read(),
            )
            events.read()
        if ended.late:
            raise _too_long(allowed)
        return ended.status

    def evolve_ahead(self, version: str, words: Sequence[str]) -> Ahead | None:
        """Start ``evolve-run`` so that it waits, with its software, to be told.

        What this returns must be closed.
        """
        return Ahead.start(
            self._evolve_run(version, [*words, "--when-told"]), self.errors
        )

    def evolve_now(
        self,
        ahead: Ahead,
        version: str,
        words: Sequence[str],
        take: Take,
        *,
        limit: float | None = None,
    ) -> int:
        """Have such an ``evolve-run`` do its work; a new one if it has ended.

        It takes, and returns, what :meth:`evolve_run` does.
        """
        if not ahead.waits:
            return self.evolve_run(version, words, take, limit=limit)
        allowed = self._allowed(limit)
        status = ahead.finish(take, allowed)
        if status is None:
            raise _too_long(allowed)
        return status

    def _allowed(self, limit: float | None) -> float:
        allowed = self.declared.timeouts.evolve
        return allowed if limit is None else min(allowed, limit)

    def _evolve_run(self, version: str, words: Sequence[str]) -> list[str | Path]:
        return [
            self.places.interpreter(version), "-I", "-B",
            self.places.layout.evolve_run_command,
            *self.declared.evolve_options, *words, "--json",
        ]  # fmt: skip

    def run(
        self,
        argv: Sequence[str | Path],
        timeout: float | None,
        *,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        beat: process.Beat | None = None,
    ) -> Ended:
        """Run a program to its end, however that is; standard error is kept apart."""
        with tempfile.NamedTemporaryFile(prefix="answer-") as output:
            path, late, status = log or Path(output.name), False, 0
            try:
                process.run(
                    argv, env=env, timeout=timeout, log=path, beat=beat,
                    errors=self.errors,
                )  # fmt: skip
            except TimeLimitError as error:
                status, late = error.status, True
            except ProcessError as error:
                status = error.status
            return Ended(status, path.read_text(errors="replace"), late)


def _unknown(what: str, ended: Ended) -> OutcomeUnknownError:
    how = "took too long" if ended.late else f"ended with status {ended.status}"
    return OutcomeUnknownError(
        f"{what} {how}, and it is not known what it did.",
        "Look whether the database server can be reached, then: evolve --resume, or "
        "evolve --abort.",
    )


def _too_long(allowed: float) -> KarlError:
    return answers.failure(
        "evolve-run",
        1,
        f"it took longer than {allowed:g} s.",
        "Give it more time: the timeouts evolve and window in the buildout.",
    )
