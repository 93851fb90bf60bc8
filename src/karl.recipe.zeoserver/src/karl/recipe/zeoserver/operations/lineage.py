"""Which of the live copy's commits another copy lacks, told from how they were made.

Copies form a tree: each has its parent's history up to a transaction, its ``tid``,
and then one of its own.  What evolving committed before the copy was first adopted
is not the site's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from karl.recipe.zeoserver.databases.state import CopyState, StorageState

#: Later than every transaction.
_NEVER = "g"


@dataclass(frozen=True)
class Span:
    """Transactions after one and up to another, 16 hexadecimal digits each."""

    after: str
    until: str

    def __bool__(self) -> bool:
        return self.after < self.until

    def __contains__(self, tid: object) -> bool:
        return isinstance(tid, str) and self.after < tid <= self.until


def lacking(
    state: StorageState, live: CopyState, copy: CopyState
) -> tuple[Span, ...] | None:
    """Return where in the live copy's history commits are that *copy* lacks.

    :return: None: they have no history in common, as far as is known, and *copy*
        never was live.
    """
    ours, theirs = _known_until(state, live), _known_until(state, copy)
    found: list[Span] = []
    for number, until in ours.items():
        if number in theirs:
            found.append(Span(theirs[number], until))
            return tuple(span for span in found if span)
        known = state.copies.get(number)
        found.append(Span(known.adopted_tid if known else "", until))
    # Going back to what was there before a database of another origin.
    return tuple(span for span in found if span) if copy.adopted_tid else None


def _known_until(state: StorageState, copy: CopyState) -> Mapping[int, str]:
    """Return the copies whose history *copy* has, the nearest first, and until when."""
    found = {copy.number: _NEVER}
    until = _NEVER
    known: CopyState | None = copy
    while known is not None and known.parent is not None and known.parent not in found:
        until = min(until, known.tid)
        found[known.parent] = until
        known = state.copies.get(known.parent)
    return found


def counted(spans: Sequence[Span], tids: Sequence[str]) -> int:
    """Return how many of *tids* are in the spans.

    At least one where a span has an end that is known: a pack may have removed what
    was in it.
    """
    found = sum(any(tid in span for span in spans) for tid in tids)
    return max(found, int(any(span.until != _NEVER for span in spans)))
