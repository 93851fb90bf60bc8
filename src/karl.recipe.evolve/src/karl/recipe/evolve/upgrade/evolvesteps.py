"""Steps in which the new release's software works on the new copy, and no other."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from karl.recipe.evolve.upgrade import answers, sitesteps, storagesteps
from karl.recipe.evolve.upgrade.ahead import Ahead
from karl.recipe.evolve.upgrade.model import Facts, Package, Versions
from karl.recipe.evolve.upgrade.programs import Programs
from karl.recipe.evolve.upgrade.step import Work
from karl.recipe.release.base.reporter import Reporter, Task

#: Exit codes with which ``evolve-run --status`` has told what was asked for.
_TOLD = frozenset({0, 3, 4, 6})


def versions(programs: Programs, version: str, zodb_conf: Path) -> Versions:
    """Return what a release's software and a database say of each other.

    :raises KarlError: it cannot be told.
    """
    watcher = Watcher(programs.reporter)
    words = ("--status", "--zodb-conf", str(zodb_conf))
    code = programs.evolve_run(version, words, watcher)
    if watcher.packages is None or code not in _TOLD:
        raise watcher.failure(code)
    packages = tuple(
        Package(
            each["package"],
            each["software"],
            each["database"],
            tuple(each["pending"]),
            each["state"],
        )
        for each in watcher.packages
    )
    return Versions(packages, watcher.empty, watcher.deferred)


def evolve(work: Work) -> Facts:
    """Run the pending evolve steps on the new copy."""
    watcher = _run(work, "--evolve")
    return {
        "evolved": [each for each in watcher.steps if each["kind"] != "deferred"],
        "deferred": list(watcher.deferred),
        "counts": watcher.counts,
        "reindexed": watcher.reindexed,
    }


def verify(work: Work) -> Facts:
    """Check the invariants that the steps declare."""
    # What this command has served a moment ago is served still.
    watcher = _run(work, "--verify", served="evolve" in work.done_now)
    return {"verified": watcher.verified}


def is_nothing_deferred(work: Work) -> str:
    """Tell that no step has left anything for the background."""
    return "" if work.facts.get("deferred") else "no step left anything"


def do_deferred(work: Work) -> Facts:
    """Do what steps left for the background, while the site works."""
    revision = work.programs.places.layout.revision(work.facts["revision"])
    words = ("--deferred", "--zodb-conf", str(revision.zodb_conf))
    watcher = Watcher(work.reporter)
    code = work.programs.evolve_run(work.facts["version"], words, watcher)
    if code:
        raise watcher.failure(code)
    return {"background": watcher.steps}


def _where(work: Work) -> tuple[str, ...]:
    """Return how the copy is opened: by its files, else through a server of its own."""
    if work.is_direct:
        return ("--data", work.facts["data"], "--blobs", work.facts["blobs"])
    return ("--zodb-conf", str(work.places.zodb_conf))


def load(work: Work) -> Facts:
    """Start the processes that will evolve and verify: they import, and wait.

    One that does not get as far is of no use; that shows when it is needed.

    :raises KarlError: the software cannot be loaded.
    """
    for action in ("--evolve", "--verify"):
        words = (action, *_where(work))
        ahead = work.programs.evolve_ahead(work.facts["version"], words)
        if ahead is not None:
            work.ahead[words] = ahead
    for words, ahead in list(work.ahead.items()):
        if not ahead.is_ready(work.declared.timeouts.start):
            del work.ahead[words]
            _give_up(work, ahead)
    return {}


def _give_up(work: Work, ahead: Ahead) -> None:
    """End a process that is not ready; raise what it found wrong, if it told."""
    with contextlib.closing(ahead):
        watcher = Watcher(work.reporter)
        ahead.read(watcher)
        if watcher.error is not None:
            raise watcher.failure(1)


def _run(work: Work, action: str, *, served: bool = False) -> Watcher:
    """Run ``evolve-run`` on the copy; the one that waits for that, if there is one.

    :param served: if it needs a server, it has it.
    """
    words, version = (action, *_where(work)), work.facts["version"]
    if not work.is_direct and not served:
        storagesteps.serve_for_evolving(work)
    watcher = Watcher(work.reporter)
    limit, ahead = sitesteps.left(work), work.ahead.pop(words, None)
    if ahead is None:
        code = work.programs.evolve_run(version, words, watcher, limit=limit)
    else:
        with contextlib.closing(ahead):
            code = work.programs.evolve_now(ahead, version, words, watcher, limit=limit)
    if code:
        raise watcher.failure(code)
    return watcher


class Watcher:
    """Takes the events of ``evolve-run``: shows progress, keeps what it found.

    :ivar packages: software and database versions, once they were told.
    :ivar empty: the database has nothing in it.
    :ivar deferred: what is left for the background: ``package``, ``version`` and
        ``title``.
    :ivar steps: the steps that were run: ``package``, ``version``, ``title``,
        ``kind``, ``seconds``, ``seen`` and ``changed``.
    :ivar counts: of a step's catalog, ``before`` and ``after``.
    :ivar reindexed: how many documents each index has taken.
    :ivar verified: steps whose invariants hold.
    """

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter
        self.packages: list[Any] | None = None
        self.empty = False
        self.deferred: tuple[Facts, ...] = ()
        self.steps: list[Mapping[str, Any]] = []
        self.counts: list[Mapping[str, Any]] = []
        self.reindexed: dict[str, int] = {}
        self.verified = 0
        self.error: tuple[str, str, int] | None = None
        self._task: Task | None = None
        self._done = 0
        self._label = "evolving"
        self._titles: dict[tuple[str, int], str] = {}

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Take one event; what is not understood is of no interest."""
        take = getattr(self, f"_{event.get('event')}", None)
        if take is not None:
            take(event)

    def failure(self, code: int) -> Exception:
        """Return the error that the run ended with."""
        message, tip, told = self.error or (
            f"it ended with status {code} and told nothing.",
            "See commands.log of this run.",
            1,
        )
        return answers.failure("evolve-run", told, message, tip)

    def _status(self, event: Mapping[str, Any]) -> None:
        self.packages = event["packages"]
        self.empty = bool(event.get("empty"))
        self._end(event)

    def _end(self, event: Mapping[str, Any]) -> None:
        left = event.get("deferred") or ()
        pairs = [(str(each["package"]), int(each["version"])) for each in left]
        self.deferred = tuple(
            {
                "package": package,
                "version": version,
                "title": self._titles.get((package, version), ""),
            }
            for package, version in pairs
        )

    def _error(self, event: Mapping[str, Any]) -> None:
        self.error = answers.told_error({"error": dict(event)})

    def _step_begin(self, event: Mapping[str, Any]) -> None:
        self._label = f"{event['package']} {event['version']}: {event['title']}"
        self._titles[event["package"], event["version"]] = event["title"]

    def _reindex_begin(self, event: Mapping[str, Any]) -> None:
        self._label = "reindexing"

    def _progress(self, event: Mapping[str, Any]) -> None:
        if self._task is None:
            self._task = self.reporter.task(self._label, event["total"], "objects")
            self._done = 0
        self._task.advance(event["done"] - self._done)
        self._done = event["done"]

    def _step_end(self, event: Mapping[str, Any]) -> None:
        kept = ("package", "version", "title", "kind", "seconds", "seen", "changed")
        self.steps.append({name: event.get(name) for name in kept})
        self._end_task(event.get("seen"))

    def _reindex_end(self, event: Mapping[str, Any]) -> None:
        for name, count in event["indexes"].items():
            self.reindexed[name] = self.reindexed.get(name, 0) + int(count)
        self._end_task(None)

    def _counts(self, event: Mapping[str, Any]) -> None:
        kept = ("package", "version", "before", "after")
        self.counts.append({name: event.get(name) for name in kept})

    def _verified(self, event: Mapping[str, Any]) -> None:
        self.verified += not event["broken"]

    def _end_task(self, count: int | None) -> None:
        if self._task is None:
            self.reporter.say(f"{self._label}: done")
            return
        if count is not None:
            self._task.advance(max(0, count - self._done))
        self._task.done()
        self._task = None
