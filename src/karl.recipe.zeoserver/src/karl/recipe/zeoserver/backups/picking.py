"""Which backup has the state that a site had at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from karl.recipe.release.base.errors import RefusedError
from karl.recipe.zeoserver.backups import moments, verdicts
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.backups.units import Unit
from karl.recipe.zeoserver.databases import tids
from karl.recipe.zeoserver.databases.periods import Period, Periods


class Choice(NamedTuple):
    """Which backup gives a state.

    :ivar until: the transaction to end with, 16 hexadecimal digits, of which
        nothing later is restored; None: all of the backup.
    """

    chain: Chain
    unit: Unit
    until: str | None


def pick(
    chains: Sequence[Chain], at: str | None, known: Mapping[str, Periods] | None = None
) -> Choice:
    """Choose the backup that holds the state as of a transaction id.

    A backup tells that of the periods in which the site used its copy, or what
    that was made from; a full one, back to the last pack.

    :param at: 16 hexadecimal digits, see :mod:`.moments`; None: the newest.
    :param known: by chain, if more is known than its backups tell: the periods in
        which the site used what it holds, and nothing that came after.
    :raises RefusedError: there is no backup, or none that tells.
    """
    found = [chain for chain in chains if chain.units]
    if not found:
        raise RefusedError("There is no backup.", "Make one: zeoctl backup.")
    if at is None:
        return Choice(found[-1], found[-1].newest, None)
    told = {chain.stamp: tuple(_periods(chain, known or {})) for chain in found}
    exact = [chain for chain in found if any(at in each for each in told[chain.stamp])]
    exact = [chain for chain in exact if not _is_damaged(chain)] or exact
    inside = [chain for chain in exact if chain.full.tid <= at]
    for chain in inside[-1:] or exact[:1]:
        later = [unit for unit in chain.units if unit.tid >= at]
        unit = later[0] if later else chain.newest
        return Choice(chain, unit, at if unit.tid > at else None)
    raise _refusal(at, [period for periods in told.values() for period in periods])


def _periods(chain: Chain, known: Mapping[str, Periods]) -> Iterator[Period]:
    """Yield the periods of which a chain tells all."""
    for each in known.get(chain.stamp, chain.newest.periods):
        if chain.full.oldest <= each.until:
            yield Period(max(each.since, chain.full.oldest), each.until)


def _is_damaged(chain: Chain) -> bool:
    return verdicts.damaged(chain.units) is not None


def _refusal(at: str, told: Sequence[Period]) -> RefusedError:
    before = [min(at, each.until) for each in told if each.since <= at]
    if before:
        last = max(before)
        return RefusedError(
            f"No backup tells what there was at {_shown(at)}; the last time before "
            f"that of which one tells is {_shown(last)}.",
            "If the live copy is there, zeoctl backup may tell more. To restore what "
            f"there was then: --at {last}.",
        )
    first = min((each.since for each in told), default="")
    if not first.strip("0"):
        return RefusedError("No backup goes back that far.", "Name a later time.")
    return RefusedError(
        f"No backup goes back that far; the oldest state is that of transaction "
        f"{first}, of {_shown(first)}.",
        f"Name a later time, or --at {first}.",
    )


def _shown(tid: str) -> str:
    return moments.local(tids.time_of(tid))
