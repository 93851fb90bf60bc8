"""Which verb is allowed to which database copy: one table, and who reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from karl.recipe.release.base.errors import RefusedError
from karl.recipe.zeoserver.databases.state import CopyState, Status, StorageState


@dataclass(frozen=True)
class Refusal:
    """Why a verb is not for a copy, and what is; both may name it.

    :ivar message: one sentence; ``{storage}`` and ``{number}`` are filled in.
    :ivar tip: what to do next.
    """

    message: str
    tip: str


_LIVE_STAYS = "Adopt another copy first: this one is then kept as a former one."
_GONE = Refusal(
    "Database copy {number} of {storage} is retired: it is kept only until it is "
    "pruned.",
    "Restore a backup to a new copy: zeoctl restore {storage} --to-new-copy.",
)


def _only_staged(what: str) -> Refusal:
    return Refusal(
        f"Database copy {{number}} of {{storage}} is {what}; only a staged copy "
        "can be caught up.",
        "Stage one: zeoctl stage {storage}.",
    )


def _only_retired(what: str, tip: str) -> Refusal:
    return Refusal(
        f"Database copy {{number}} of {{storage}} is {what}; only a retired copy "
        "can be removed.",
        tip,
    )


_RETIRE_FIRST = "If it is not needed any more: zeoctl retire {storage} {number}."

#: What each verb does with a copy of each status; None: it is allowed.
OF_COPIES: Mapping[str, Mapping[Status, Refusal | None]] = {
    "serve": {
        Status.STAGED: None,
        Status.READY: None,
        Status.LIVE: None,
        Status.FORMER: None,
        Status.RETIRED: _GONE,
    },
    "unserve": {
        Status.STAGED: None,
        Status.READY: None,
        Status.LIVE: Refusal(
            "Database copy {number} of {storage} is live: without it the site does "
            "not work.",
            "If that is wanted: zeoctl unserve {storage} {number} --live.",
        ),
        Status.FORMER: None,
        Status.RETIRED: None,
    },
    "adopt": {
        Status.STAGED: None,
        Status.READY: None,
        Status.LIVE: None,
        Status.FORMER: None,
        Status.RETIRED: _GONE,
    },
    "retire": {
        Status.STAGED: None,
        Status.READY: None,
        Status.LIVE: Refusal(
            "Database copy {number} of {storage} is live and cannot be retired.",
            _LIVE_STAYS,
        ),
        Status.FORMER: None,
        Status.RETIRED: None,
    },
    "prune": {
        Status.STAGED: _only_retired("staged", _RETIRE_FIRST),
        Status.READY: _only_retired("ready to be adopted", _RETIRE_FIRST),
        Status.LIVE: _only_retired("live", _LIVE_STAYS),
        Status.FORMER: _only_retired("there to go back to", _RETIRE_FIRST),
        Status.RETIRED: None,
    },
    "catch-up": {
        Status.STAGED: None,
        Status.READY: _only_staged("whole as it is"),
        Status.LIVE: _only_staged("live"),
        Status.FORMER: _only_staged("a former one"),
        Status.RETIRED: _only_staged("retired"),
    },
}

_HELD = Refusal(
    "Database copy {number} of {storage} is staged; until it is adopted or retired "
    "the live one stays as it is.",
    "Adopt it, or drop it: zeoctl retire {storage} {number}.",
)
_LIVE_THERE = Refusal(
    "{storage} has a live database already: copy {number}.",
    "To make another copy beside it, which can be adopted later, add --new-copy.",
)
_STAGED_THERE = Refusal(
    "Database copy {number} of {storage} is staged already.",
    "Catch it up; or stage anew in its place: zeoctl stage {storage} --again.",
)

#: Verbs for a storage as a whole: refused if nothing is live, if a copy is live,
#: and if one is staged.
_NEEDING_LIVE = frozenset({"stage", "pack"})
_WITH_LIVE: Mapping[str, Refusal] = {"init": _LIVE_THERE, "import": _LIVE_THERE}
_WITH_STAGED: Mapping[str, Refusal] = {"stage": _STAGED_THERE, "pack": _HELD}


def check_copy(verb: str, storage: str, copy: CopyState) -> None:
    """Refuse what a verb must not do to a copy.

    :raises RefusedError: it must not; tells what to do instead.
    """
    refusal = OF_COPIES[verb][copy.status]
    if refusal is not None:
        _refuse(refusal, storage, copy.number)


def check_withheld(storage: str, copy: CopyState) -> None:
    """Refuse to serve another site's data as long as nobody says they are scrubbed.

    :raises RefusedError: nobody has.
    """
    if copy.withheld:
        raise RefusedError(
            f"Database copy {copy.number} of {storage} has the data of {copy.source}, "
            "and nobody has said that they are scrubbed.",
            "Once what must not be seen there is gone: zeoctl serve "
            f"{storage} {copy.number} --scrubbed. If it is not needed: zeoctl retire "
            f"{storage} {copy.number}.",
        )


def check_storage(
    verb: str,
    storage: str,
    state: StorageState,
    *,
    live_is_fine: bool = False,
    staged_is_fine: bool = False,
) -> None:
    """Refuse what a verb must not do to a storage in this state.

    :param live_is_fine: the operator said that another copy is to be made.
    :param staged_is_fine: the operator said that the staged copy may go.
    :raises RefusedError: it must not; tells what to do instead.
    """
    if verb in _NEEDING_LIVE:
        state.the_live(storage)
    if state.live is not None and verb in _WITH_LIVE and not live_is_fine:
        _refuse(_WITH_LIVE[verb], storage, state.live.number)
    if state.staged and verb in _WITH_STAGED and not staged_is_fine:
        _refuse(_WITH_STAGED[verb], storage, state.staged[0].number)


def _refuse(refusal: Refusal, storage: str, number: int) -> None:
    names = {"storage": storage, "number": number}
    raise RefusedError(
        refusal.message.format(**names),
        refusal.tip.format(**names),
    )
