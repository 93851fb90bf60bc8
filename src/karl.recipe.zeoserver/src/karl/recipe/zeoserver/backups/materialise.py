"""A database copy from a backup: whole in a new place, or caught up with one more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from karl.recipe.release.base.reporter import Reporter
from karl.recipe.zeoserver.backups.chains import Chain, Unit
from karl.recipe.zeoserver.databases.datafs import End
from karl.recipe.zeoserver.declaration.layout import CopyLayout


class Choice(NamedTuple):
    """Which backup gives a state.

    :ivar until: the transaction to end with, 16 hexadecimal digits, of which
        nothing later is restored; None: all of the backup.
    """

    chain: Chain
    unit: Unit
    until: str | None


def pick(chains: Sequence[Chain], at: str | None) -> Choice:
    """Choose the backup that holds the state as of a transaction id.

    :param at: 16 hexadecimal digits, see :mod:`.moments`; None: the newest.
    :raises RefusedError: there is none that old, or none at all.
    """
    raise NotImplementedError


def space_needed(chain: Chain, unit: Unit, target: CopyLayout) -> int:
    """Return the bytes that a copy of a backup takes on the target's file system."""
    raise NotImplementedError


def materialise(
    chain: Chain,
    unit: Unit,
    target: CopyLayout,
    reporter: Reporter,
    *,
    until: str | None = None,
) -> End:
    """Make a database copy from a backup; every byte is checked.

    :param target: its folder is there, and empty.
    :param until: the last transaction to have; see :func:`pick`.
    :raises DamagedError: the backup is damaged.
    """
    raise NotImplementedError


def append(unit: Unit, target: CopyLayout, at: End) -> End:
    """Add one increment to a copy that ends where it begins.

    What an append that was killed left is recognised and replaced.  The time
    it takes depends on the increment only.

    :param at: where the copy ends.
    :raises RefusedError: the copy does not end there, or was written to since.
    :raises DamagedError: the increment is damaged; the copy is as before.
    """
    raise NotImplementedError
