"""The state of a site, as the next command finds it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from karl.recipe.release.base import accounts, files
from karl.recipe.release.base.errors import DamagedError, KarlError, RefusedError
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.sites import revisions
from karl.recipe.release.sites.revisionlog import History, RevisionLog
from karl.recipe.release.sites.revisions import Binding, Revision


@dataclass(frozen=True)
class SiteState:
    """What was observed, without changing anything.

    :ivar current: number of the live revision, or None before the first switch.
    :ivar numbers: all revisions on disk, lowest first.
    :ivar history: the revision log.
    :ivar pins: revisions that pruning must keep, as far as they can be told.
    :ivar pins_error: why they cannot be told.
    :ivar revisions: those revisions on disk that are whole.
    :ivar damaged: what is wrong with the others.
    """

    current: int | None = None
    numbers: tuple[int, ...] = ()
    history: History = field(default_factory=History)
    pins: frozenset[int] = frozenset()
    pins_error: KarlError | None = None
    revisions: Mapping[int, Revision] = field(default_factory=dict)
    damaged: Mapping[int, KarlError] = field(default_factory=dict)

    @property
    def next_number(self) -> int:
        """A number that no revision ever had."""
        return max((self.history.highest, self.current or 0, *self.numbers)) + 1

    @property
    def live(self) -> Revision | None:
        """The live revision, if there is one and it is whole."""
        return None if self.current is None else self.revisions.get(self.current)

    def known_pins(self) -> frozenset[int]:
        """Return the revisions that pruning must keep.

        :raises DamagedError: they cannot be told.  A switch does not need them.
        """
        if self.pins_error is not None:
            raise self.pins_error
        return self.pins

    def previous_of(self, number: int) -> int | None:
        """Return which revision was live when that one was written.

        The log knows; where a line of it was lost, the revision itself does.
        """
        run = self.history.written.get(number)
        if run is not None:
            return run.previous
        revision = self.revisions.get(number)
        return None if revision is None else revision.previous

    @property
    def rollback_target(self) -> int | None:
        """The revision that a rollback goes to, or None.

        It is the one that was live when the live one was written.  If that has
        been pruned, the one before it, and so on.  Time stamps play no part,
        nor does how often one went back and forth since.
        """
        number = self.current
        while number is not None:
            previous = self.previous_of(number)
            if previous is None or previous >= number or previous in self.numbers:
                return previous
            number = previous
        return None

    def is_live_or_was(self, number: int) -> bool:
        """Tell whether that revision is live or ever was.

        One that the log does not know counts as such: its line was lost.
        """
        return (
            number == self.current
            or self.history.was_live(number)
            or number not in self.history.written
        )


def observe(site: SiteLayout) -> SiteState:
    """Look at a site.  Takes no lock, changes nothing.

    :raises RefusedError: ``current`` is not ours.
    """
    found: dict[int, Revision] = {}
    damaged: dict[int, KarlError] = {}
    numbers = revisions.numbers(site)
    for number in numbers:
        try:
            found[number] = revisions.load(site, number)
        except RefusedError:
            numbers = tuple(other for other in numbers if other != number)
        except DamagedError as error:
            damaged[number] = error
    pins: frozenset[int] = frozenset()
    pins_error = None
    try:
        pins = load_pins(site)
    except DamagedError as error:
        pins_error = error
    return SiteState(
        current=revisions.current_number(site),
        numbers=numbers,
        history=RevisionLog(site.revision_log).history(),
        pins=pins,
        pins_error=pins_error,
        revisions=found,
        damaged=damaged,
    )


def live_binding(site: SiteLayout, state: SiteState) -> Binding | None:
    """Return the binding of the live revision; None before the first switch.

    :raises DamagedError: the live revision cannot be trusted.
    """
    if state.current is None:
        return None
    if state.live is None:
        raise DamagedError(
            f"Revision {state.current} is live, and missing or damaged: which "
            "database it binds cannot be told from it.",
            "Name the database with --database and --zodb-conf, or use --configured.",
        )
    return revisions.binding_of(site, state.live)


def load_pins(site: SiteLayout) -> frozenset[int]:
    """Return the revisions that pruning must keep.

    :raises DamagedError: the list cannot be read; nothing may be pruned then.
    """
    try:
        found = json.loads(site.pins.read_text(encoding="utf-8"))["pinned"]
        return frozenset(int(number) for number in found)
    except FileNotFoundError:
        return frozenset()
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(
            f"{site.pins} cannot be read: {error!r}.",
            "Remove the file, and pin again what must be kept.",
        ) from None


def save_pins(site: SiteLayout, pins: frozenset[int]) -> None:
    """Write the revisions that pruning must keep."""
    files.write(site.pins, files.canonical_json({"pinned": sorted(pins)}))


def sealed_releases(site: SiteLayout) -> tuple[str, ...]:
    """Return the versions of all releases on disk, by name.

    What has no manifest, or a hidden name, is nothing of ours.
    """
    try:
        names = sorted(os.listdir(site.releases))
    except FileNotFoundError:
        return ()
    return tuple(
        name
        for name in names
        if not name.startswith(".") and site.release(name).manifest.is_file()
    )


def actor() -> dict[str, str]:
    """Return who runs this, and on which machine."""
    return {"by": accounts.actor(), "host": os.uname().nodename}


def refuse_root(site: SiteLayout) -> None:
    """Refuse to leave root's files in a site of another user.

    The user who owns the site could not switch it any more.
    """
    owner = site.root.stat().st_uid if site.root.is_dir() else 0
    if os.geteuid() == 0 and owner != 0:
        raise RefusedError(
            f"{site.root} belongs to user {owner}, and you are root: the files that "
            "root writes, that user could not change any more.",
            f"Run it as that user: sudo -u '#{owner}' ...",
        )
