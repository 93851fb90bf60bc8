"""Pinning, unpinning and discarding a revision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.reporter import SilentReporter
from karl.recipe.release.sites import revisions
from karl.recipe.release.sites.recovery import recover
from karl.recipe.release.sites.revisionlog import RevisionLog, Run
from karl.recipe.release.sites.runs import settled
from karl.recipe.release.sites.sitestate import SiteState, actor, observe, save_pins


@dataclass(frozen=True)
class SmallChange:
    """A change of one revision that leaves ``current`` alone.

    :ivar action: its name in the revision log.
    :ivar check: tells whether there is anything to do, or raises.
    :ivar apply: does it.
    :ivar would: what a dry run says of the revision.
    :ivar did: what is said of it afterwards.
    :ivar was: what is said of it if there was nothing to do.
    """

    action: str
    check: Callable[[SiteState, int], bool]
    apply: Callable[[SiteLayout, SiteState, int], None]
    would: str
    did: str
    was: str


def make(site: SiteLayout, change: SmallChange, number: int, wait: float = 0.0) -> bool:
    """Make a change under the lock, with intent and outcome.

    :param number: the revision.
    :returns: False if there was nothing to do.
    """
    with locked(site.switch_lock, change.action, wait):
        recover(site, SilentReporter())
        state = observe(site)
        if not change.check(state, number):
            return False
        log = RevisionLog(site.revision_log)
        with settled(log, log.begin(Run("", change.action, number, details=actor()))):
            change.apply(site, state, number)
        return True


def _check_pin(state: SiteState, number: int) -> bool:
    if number not in state.numbers:
        raise RefusedError(
            f"There is no revision {number}.", "See switch-version --list."
        )
    return number not in state.known_pins()


def _check_unpin(state: SiteState, number: int) -> bool:
    return number in state.known_pins()


def _check_discard(state: SiteState, number: int) -> bool:
    if state.is_live_or_was(number):
        raise RefusedError(
            f"Revision {number} is or was live: it is part of the history.",
            "Old revisions are removed with switch-version --prune.",
        )
    if number in state.known_pins():
        raise RefusedError(
            f"Revision {number} is pinned.", f"First: switch-version --unpin {number}."
        )
    return number in state.numbers


def _pin(site: SiteLayout, state: SiteState, number: int) -> None:
    save_pins(site, state.pins | {number})


def _unpin(site: SiteLayout, state: SiteState, number: int) -> None:
    save_pins(site, state.pins - {number})


def _discard(site: SiteLayout, state: SiteState, number: int) -> None:
    revisions.remove(site, number)


CHANGES = {
    "pin": SmallChange(
        "pin", _check_pin, _pin, "would be pinned", "is pinned", "was pinned already"
    ),
    "unpin": SmallChange(
        "unpin", _check_unpin, _unpin,
        "would no longer be pinned", "is no longer pinned", "was not pinned",
    ),
    "discard": SmallChange(
        "discard", _check_discard, _discard,
        "would be removed", "is removed", "was not there",
    ),
}  # fmt: skip
