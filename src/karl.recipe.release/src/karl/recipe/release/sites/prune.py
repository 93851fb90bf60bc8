"""Pruning: removing old revisions, and releases that none names any more."""

from __future__ import annotations

from dataclasses import dataclass

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError, RefusedError
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.reporter import Reporter, SilentReporter
from karl.recipe.release.sites import revisions
from karl.recipe.release.sites.recovery import recover
from karl.recipe.release.sites.revisionlog import RevisionLog, Run
from karl.recipe.release.sites.runs import settled
from karl.recipe.release.sites.sitestate import (
    SiteState,
    actor,
    observe,
    sealed_releases,
)

PRUNE = "prune"


@dataclass(frozen=True)
class PrunePlan:
    """What pruning removes, and what it keeps.

    :ivar revisions: numbers to remove.
    :ivar releases: versions to remove.
    :ivar kept: for each revision that stays the reason.
    :ivar kept_releases: for each release that stays the reason.
    """

    revisions: tuple[int, ...]
    releases: tuple[str, ...]
    kept: dict[int, str]
    kept_releases: dict[str, str]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to remove."""
        return not self.revisions and not self.releases


def plan_prune(
    state: SiteState, releases: tuple[str, ...], keep: int, *, unused: bool
) -> PrunePlan:
    """Decide what to remove.  Pure.

    Kept are the live revision, the one that a rollback goes to, pinned ones, all
    that are newer than the live one, and of the rest the newest, until *keep*
    revisions are kept.  A release is removed if no revision that stays names it
    and it was live once; with *unused* also if it never was.

    :raises DamagedError: a revision that stays cannot tell its release, or it
        cannot be told which ones are pinned.
    :raises RefusedError: it cannot be told which revision is live.
    """
    if state.current is not None and state.current not in state.numbers:
        raise RefusedError(
            f"current leads to revision {state.current}, which does not exist: what "
            "is live cannot be told, so nothing is removed.",
            "Make a revision live first: switch-version --rollback --to N.",
        )
    kept = _kept_revisions(state, keep)
    unreadable = sorted(number for number in kept if number in state.damaged)
    if unreadable:
        raise DamagedError(
            f"Revision {unreadable[0]} stays, but is damaged: which release it "
            "needs cannot be told, so nothing is removed.",
            "See switch-version --list; unpin it, or switch to another revision.",
        )
    gone = tuple(number for number in state.numbers if number not in kept)
    named = {state.revisions[number].release: number for number in sorted(kept)}
    once_live = _once_live(state)
    kept_releases = {}
    for version in releases:
        if version in named:
            kept_releases[version] = f"revision {named[version]} needs it"
        elif version not in once_live and not unused:
            kept_releases[version] = "never switched to"
    return PrunePlan(
        gone,
        tuple(version for version in releases if version not in kept_releases),
        dict(sorted(kept.items())),
        kept_releases,
    )


def _kept_revisions(state: SiteState, keep: int) -> dict[int, str]:
    """Return which revisions stay, and why."""
    target = state.rollback_target
    pins = state.known_pins()
    kept: dict[int, str] = {}
    for number in reversed(state.numbers):
        if number == state.current:
            kept[number] = "live"
        elif number == target:
            kept[number] = "a rollback goes to it"
        elif number in pins:
            kept[number] = "pinned"
        elif state.current is None or number > state.current:
            kept[number] = "newer than the live one"
    for number in reversed(state.numbers):
        if len(kept) >= keep:
            break
        kept.setdefault(number, f"one of the newest {keep}")
    return kept


def _once_live(state: SiteState) -> set[str]:
    """Return the versions of releases that were live since they were built.

    One that was pruned and built again waits to be live, like any new one.
    """
    found: set[str] = set()
    for run in state.history.runs:
        if run in state.history.live:
            found.add(run.release)
        elif run.action == PRUNE:
            found -= set(run.details.get("releases", ()))
    return found


def prune(
    site: SiteLayout,
    keep: int,
    reporter: Reporter | None = None,
    *,
    unused: bool = False,
    execute: bool = False,
    wait: float = 0.0,
) -> PrunePlan:
    """Remove what :func:`plan_prune` says, if *execute*; else only say it.

    Each name goes by one rename before its content does, so that a killed run
    leaves nothing half under a name that counts.
    """
    reporter = reporter or SilentReporter()
    if not execute:
        return plan_prune(observe(site), sealed_releases(site), keep, unused=unused)
    with (
        locked(site.switch_lock, "prune", wait),
        locked(site.release_lock, "prune", wait),
    ):
        recover(site, reporter)
        files.remove_partial(site.releases)
        plan = plan_prune(observe(site), sealed_releases(site), keep, unused=unused)
        if not plan.empty:
            _apply(site, plan, reporter)
        return plan


def _apply(site: SiteLayout, plan: PrunePlan, reporter: Reporter) -> None:
    log = RevisionLog(site.revision_log)
    details = {
        **actor(),
        "revisions": list(plan.revisions),
        "releases": list(plan.releases),
    }
    with settled(log, log.begin(Run("", PRUNE, details=details))):
        for number in plan.revisions:
            reporter.say(f"Removing revision {number}")
            revisions.remove(site, number)
        for version in plan.releases:
            reporter.say(f"Removing release {version}")
            remove_release(site, version, reporter)


def remove_release(site: SiteLayout, version: str, reporter: Reporter) -> None:
    """Remove a release: first its name, at once, then its content.

    Content that cannot be removed, such as another user's, is warned of.  The
    caller holds the release lock, and no revision names the release.
    """
    root = site.release(version).root
    partial = files.partial_name(root)
    files.rename(root, partial)
    if not files.try_to_remove(partial):
        reporter.warn(f"{partial}, which release {version} was, cannot be removed.")


def render(plan: PrunePlan, *, executed: bool) -> str:
    """Return what was, or would be, removed and kept, a line for each."""
    verb = "removed" if executed else "would remove"
    lines = [f"{verb} revision {number}" for number in plan.revisions]
    lines += [f"{verb} release {version}" for version in plan.releases]
    if not lines:
        lines = ["Nothing to remove."]
    lines += [f"kept revision {number}: {why}" for number, why in plan.kept.items()]
    lines += [
        f"kept release {version}: {why}" for version, why in plan.kept_releases.items()
    ]
    if not executed and not plan.empty:
        lines.append("Nothing was changed. Add --yes to do it.")
    return "\n".join(lines)
