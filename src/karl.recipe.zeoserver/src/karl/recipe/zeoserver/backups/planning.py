"""Which backup is to be made, and why."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from karl.recipe.release.base.errors import DamagedError, RefusedError
from karl.recipe.zeoserver.backups import moments, verdicts
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.backups.units import Unit
from karl.recipe.zeoserver.databases import blobs
from karl.recipe.zeoserver.databases.datafs import End
from karl.recipe.zeoserver.databases.periods import Periods
from karl.recipe.zeoserver.layouts.copy import CopyLayout

#: Bytes before the end of a backup that must be unchanged for the next increment.
_TAIL = 1 << 20

_DAY = 86400.0

#: Seconds by which a timer may be early.
_SLACK = 3600


class Kind(StrEnum):
    """Which kind of backup."""

    AUTOMATIC = "automatic"
    FULL = "full"
    INCREMENTAL = "incremental"
    #: Nothing was committed since the last one, so that none is made.
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Source:
    """What is backed up: a database copy, up to a transaction's end.

    :ivar number: of the copy.
    :ivar end: where its last committed transaction ends.
    :ivar periods: when the site used it, until this moment.
    """

    copy: CopyLayout
    number: int
    end: End
    periods: Periods = ()

    @property
    def inode(self) -> int:
        """Of Data.fs: a pack makes another."""
        return self.copy.data.stat().st_ino


@dataclass(frozen=True)
class BackupPlan:
    """A backup to be made.

    :ivar kind: full, incremental or unchanged.
    :ivar reason: why, a clause.
    :ivar stamp: of the new unit; of an unchanged one, that of the last.
    :ivar onto: the chain that it adds to.
    :ivar before: the chains that there are.
    """

    kind: Kind
    reason: str
    stamp: str
    source: Source
    onto: Chain | None
    before: tuple[Chain, ...]


def plan(
    chains: Sequence[Chain],
    source: Source,
    wanted: Kind,
    *,
    full_every: int,
    held: bool,
    stamp: str,
    now: float,
) -> BackupPlan:
    """Choose which backup to make.

    :param full_every: days after which an automatic backup is a full one.
    :param held: a staged copy waits for an increment: no new chain.
    :param stamp: of the new backup, see :func:`.chains.next_stamp`.
    :param now: seconds since the epoch.
    :raises RefusedError: what is wanted cannot be.
    """
    obstacle = _obstacle(chains, source)
    if wanted is Kind.FULL and held:
        raise RefusedError(
            "A staged copy waits for increments of the chain it was made from, so "
            "that no new full backup is made.",
            "Adopt or retire the staged copy first, or make an incremental backup.",
        )
    if obstacle and (wanted is Kind.INCREMENTAL or held):
        raise RefusedError(
            f"An incremental backup is impossible: {obstacle}.",
            "Retire the staged copy, make a full backup, and stage again."
            if held
            else "Make a full backup.",
        )
    if wanted is Kind.FULL:
        return _full(chains, source, stamp, "it was asked for")
    if obstacle:
        return _full(chains, source, stamp, obstacle)
    due = _due(chains[-1], full_every, now)
    if due and wanted is Kind.AUTOMATIC and not held:
        return _full(chains, source, stamp, due)
    last = chains[-1].newest
    kind, reason = Kind.INCREMENTAL, f"it continues {last.name}"
    if last.until == source.end:
        kind, stamp = Kind.UNCHANGED, last.stamp
        reason = f"nothing was committed since {last.name}"
    return BackupPlan(kind, reason, stamp, source, chains[-1], tuple(chains))


def _full(
    chains: Sequence[Chain], source: Source, stamp: str, reason: str
) -> BackupPlan:
    return BackupPlan(Kind.FULL, reason, stamp, source, None, tuple(chains))


def _due(chain: Chain, full_every: int, now: float) -> str:
    # A clock that was wrong once leaves stamps of the future behind.
    age = now - min(moments.stamp_time(chain.stamp), chain.full.made)
    if age < -_SLACK:
        return "the last full backup was made when the clock was wrong"
    # Timers are not exact to the second.
    if age < full_every * _DAY - _SLACK:
        return ""
    return f"the last full backup is {age / _DAY:.0f} days old"


def _obstacle(chains: Sequence[Chain], source: Source) -> str:
    """Return why no increment can be made; empty: one can."""
    if not chains:
        return "there is no backup yet"
    chain = chains[-1]
    damage = _damage(chain)
    if damage:
        return f"the last chain of backups is damaged ({damage.rstrip('.')})"
    last = chain.newest
    if last.copy != source.number:
        return f"the last backup is of database copy {last.copy}"
    if not _same_file(last, source):
        return "Data.fs was packed or replaced since the last backup"
    if not _same_layout(chain.places.blobs, source.copy.blobs):
        return "blobs are laid out in another way than in the last backup"
    return ""


def _damage(chain: Chain) -> str:
    """Return why a chain cannot be relied on; empty: nothing is known of that."""
    found = verdicts.damaged(chain.units)
    if chain.damage or found is None:
        return chain.damage
    return f"a verification found damage in {found.name}"


def _same_file(last: Unit, source: Source) -> bool:
    """Tell whether the backup holds what Data.fs begins with; reads little of it."""
    if last.inode != source.inode or last.end > source.end.position:
        return False
    return tail_of(source.copy.data, last.end) == last.tail


def _same_layout(one: Path, other: Path) -> bool:
    try:
        return blobs.layout_of(one) == blobs.layout_of(other)
    except DamagedError:
        return False


def tail_of(data: Path, end: int) -> str:
    """Return the md5 of the last bytes of Data.fs before *end*."""
    size = min(_TAIL, end)
    with data.open("rb") as stream:
        stream.seek(end - size)
        return hashlib.md5(stream.read(size), usedforsecurity=False).hexdigest()
