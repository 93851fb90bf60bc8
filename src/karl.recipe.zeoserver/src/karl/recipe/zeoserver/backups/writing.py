"""Making a backup: data first, then blobs, and the record that makes it exist last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from karl.recipe.release.base.reporter import Reporter
from karl.recipe.zeoserver.backups.chains import Chain, Unit
from karl.recipe.zeoserver.databases.datafs import End
from karl.recipe.zeoserver.declaration.layout import CopyLayout, RepositoryLayout


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
    """

    copy: CopyLayout
    number: int
    end: End


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


def plan(  # noqa: PLR0913  # all that the choice depends on
    chains: Sequence[Chain],
    source: Source,
    wanted: Kind,
    *,
    full_every: int,
    held: bool,
    now: float,
) -> BackupPlan:
    """Choose which backup to make.

    :param full_every: days after which an automatic backup is a full one.
    :param held: a staged copy waits for an increment: no new chain.
    :param now: seconds since the epoch.
    :raises RefusedError: what is wanted cannot be.
    """
    raise NotImplementedError


def write(
    repository: RepositoryLayout, backup: BackupPlan, reporter: Reporter
) -> Unit:
    """Make a full or incremental backup as planned; the storage's lock is held.

    :raises RefusedError: there is not enough free space.
    """
    raise NotImplementedError
