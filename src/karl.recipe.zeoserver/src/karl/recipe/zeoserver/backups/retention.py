"""How many backups are kept: whole chains, the newest ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import BusyError
from karl.recipe.release.base.locks import locked
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.zeoserver.backups import verdicts
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.layouts.repository import RepositoryLayout


def plan(
    chains: Sequence[Chain], keep: int, pinned: Collection[str]
) -> tuple[Chain, ...]:
    """Choose the chains to remove: all but the newest *keep*, by name.

    Those that are damaged are not counted.  Those that end with the same transaction
    count as one: of them the oldest, which has the most history, and the newest are
    kept.

    :param pinned: stamps of chains that stay, whatever their age.
    """
    ends: dict[tuple[int, str], list[str]] = {}
    kept = {*pinned, *(chain.stamp for chain in chains[-1:])}
    for chain in reversed(chains):
        enough = len(ends) >= max(1, keep)
        if not _is_whole(chain):
            kept |= set() if enough else {chain.stamp}
            continue
        end = (chain.newest.copy, chain.newest.tid)
        if end in ends or not enough:
            ends.setdefault(end, []).append(chain.stamp)
    kept |= {stamp for stamps in ends.values() for stamp in (stamps[0], stamps[-1])}
    return tuple(chain for chain in chains if chain.stamp not in kept)


def newest_of(chains: Sequence[Chain], copies: Collection[int]) -> set[str]:
    """Return the stamps of the newest whole chain of each of some copies."""
    found = {
        chain.newest.copy: chain.stamp
        for chain in chains
        if _is_whole(chain) and chain.newest.copy in copies
    }
    return set(found.values())


def _is_whole(chain: Chain) -> bool:
    return bool(chain.units) and not (chain.damage or verdicts.damaged(chain.units))


def apply(
    repository: RepositoryLayout, removed: Sequence[Chain], reporter: Reporter
) -> tuple[str, ...]:
    """Remove chains, each in one moment; return which were.

    While a verification reads backups none is removed; the next backup does it.
    """
    if not removed:
        return ()
    done = []
    try:
        with locked(repository.in_use, "remove old backups"):
            for chain in removed:
                partial = files.partial_name(chain.places.root)
                files.rename(chain.places.root, partial)
                files.remove_tree(partial)
                reporter.say(f"Removed the old chain of backups {chain.stamp}.")
                done.append(chain.stamp)
    except BusyError:
        reporter.warn(
            "Old backups are kept for now: a verification reads them. The next full "
            "backup removes them."
        )
    return tuple(done)
