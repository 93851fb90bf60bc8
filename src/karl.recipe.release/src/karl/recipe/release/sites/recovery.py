"""Understanding what a killed run left, and settling it.

Runs under the switch lock, before anything else that changes a site.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import BusyError, DamagedError
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.release.sites import revisions
from karl.recipe.release.sites.revisionlog import (
    ABANDONED,
    DONE,
    HOOKS_UNKNOWN,
    MAKES_LIVE,
    WRITES,
    RevisionLog,
    Run,
)
from karl.recipe.release.sites.sitestate import load_pins


def recover(site: SiteLayout, reporter: Reporter) -> None:
    """Remove what killed runs left and give each of them its outcome."""
    for path in list(leftovers(site)):
        if files.try_to_remove(path):
            reporter.say(f"Removed {path.name}, which a killed run left.")
        else:
            reporter.warn(f"{path}, left by a killed run, cannot be removed.")
    if files.partial_in(site.releases):
        # Either a killed pruning renamed them, or a build is under way; that
        # one holds the lock, and cleans up itself.
        with contextlib.suppress(BusyError), locked(site.release_lock, "clean up"):
            files.remove_partial(site.releases)
    log = RevisionLog(site.revision_log)
    for run in log.history().unfinished:
        settle(site, log, run, reporter)


def leftovers(site: SiteLayout) -> Iterator[Path]:
    """Yield unfinished work that is made under the switch lock."""
    for folder, prefix in (
        (site.revisions, files.PARTIAL_PREFIX),
        (site.current.parent, f"{files.PARTIAL_PREFIX}{site.current.name}-"),
        (site.pins.parent, f"{files.PARTIAL_PREFIX}{site.pins.name}-"),
    ):
        with contextlib.suppress(FileNotFoundError):
            yield from sorted(
                path for path in folder.iterdir() if path.name.startswith(prefix)
            )


def settle(site: SiteLayout, log: RevisionLog, run: Run, reporter: Reporter) -> str:
    """Write the outcome of a run that did not, and return it.

    Where ``current`` points, and what is on disk, says whether its change took
    effect.  A revision that was written to become live, and did not, is removed.
    """
    result = ABANDONED
    if took_effect(site, run):
        result = DONE
    elif run.action in WRITES and run.revision in revisions.numbers(site):
        reporter.say(f"Removing revision {run.revision}, which never became live.")
        revisions.remove(site, run.revision)
    hooks = HOOKS_UNKNOWN if result == DONE and _has_hooks(run) else ""
    log.finish(run, result, hooks, recovered=True)
    reporter.say(
        f"The last run ({run.action} {run.revision or ''}".rstrip()
        + f") was interrupted; it is {result}."
    )
    return result


def took_effect(site: SiteLayout, run: Run) -> bool:
    """Tell from the disk alone whether a run did what it was to do."""
    number = run.revision
    if run.action in MAKES_LIVE:
        return number == revisions.current_number(site)
    if run.action == "prepare":
        return number in revisions.numbers(site)
    if run.action == "discard":
        return number not in revisions.numbers(site)
    if run.action == "pin":
        return number in (_pins(site) or ())
    if run.action == "unpin":
        pins = _pins(site)
        return pins is not None and number not in pins
    return run.action == "hooks"


def _pins(site: SiteLayout) -> frozenset[int] | None:
    """Return the pinned revisions; None if they cannot be told."""
    try:
        return load_pins(site)
    except DamagedError:
        return None


def _has_hooks(run: Run) -> bool:
    return run.action in MAKES_LIVE or run.action == "hooks"
