"""What is true of a storage's database copies: ``state.json``, one atomic file."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError, RefusedError
from karl.recipe.zeoserver.databases import typed
from karl.recipe.zeoserver.databases.periods import Periods
from karl.recipe.zeoserver.layouts.storage import SIDES, StorageLayout

_FORMAT = 1


class Status(StrEnum):
    """What a database copy is for."""

    #: Made from a backup of the live copy, to be caught up, evolved and adopted.
    #: It holds the storage: no pack, and no new chain of backups.
    STAGED = "staged"
    #: Whole and checked: restored, imported or empty; it can be adopted.
    READY = "ready"
    #: What the site uses.
    LIVE = "live"
    #: It was live before; read-only, and there to go back to.
    FORMER = "former"
    #: Not served any more; it can be pruned.
    RETIRED = "retired"


def mode_of(*, read_only: bool) -> str:
    """Return what commands call it that a copy refuses commits, or accepts them."""
    return "read-only" if read_only else "writable"


@dataclass(frozen=True)
class CopyState:
    """What is known of one database copy.

    :ivar origin: ``init``, ``import``, ``restore`` or ``stage``.
    :ivar made: seconds since the epoch.
    :ivar parent: the copy whose backup it was made from.
    :ivar backup: ``<chain>/<stamp>``: the backup that it was made from, and of a
        staged copy the last one that it was caught up with.
    :ivar position: bytes of Data.fs that came from there.
    :ivar tid: the last transaction in them, 16 hexadecimal digits.
    :ivar read_only: its server refuses commits.
    :ivar adopted_tid: its last transaction when it was first made live: what follows
        are the site's own commits.
    :ivar packed: when it was last packed, seconds since the epoch.
    :ivar periods: when the site used it, or what it was made from.
    :ivar source: the other storage whose backup it was made from; its numbers of
        copies say nothing here.
    :ivar withheld: it has the data of that storage's site as they were, so that it
        is not served: nobody has said yet that they are scrubbed.
    """

    number: int
    status: Status
    origin: str
    made: float
    parent: int | None = None
    backup: str = ""
    position: int = 0
    tid: str = ""
    read_only: bool = False
    adopted_tid: str = ""
    packed: float | None = None
    periods: Periods = ()
    source: str = ""
    withheld: bool = False

    @property
    def mode(self) -> str:
        """``read-only`` or ``writable``."""
        return mode_of(read_only=self.read_only)


@dataclass(frozen=True)
class StorageState:
    """The copies of a storage, and which of them are served.

    :ivar serving: the number of the copy that each side serves.
    :ivar last: the highest number that a copy had; it may have been removed.
    """

    copies: Mapping[int, CopyState] = field(default_factory=dict)
    serving: Mapping[str, int] = field(default_factory=dict)
    last: int = 0

    @property
    def live(self) -> CopyState | None:
        """The copy that the site uses."""
        found = [copy for copy in self.copies.values() if copy.status is Status.LIVE]
        return found[0] if found else None

    def the_live(self, storage: str) -> CopyState:
        """Return the copy that the site uses.

        :param storage: its name.
        :raises RefusedError: there is none.
        """
        if self.live is None:
            raise RefusedError(
                f"{storage} has no live database copy.",
                f"Make one: zeoctl init {storage}, zeoctl import {storage}, or zeoctl "
                "restore and adopt.",
            )
        return self.live

    @property
    def staged(self) -> tuple[CopyState, ...]:
        """Copies that hold the storage."""
        return tuple(
            copy for copy in self.copies.values() if copy.status is Status.STAGED
        )

    def copy(self, number: int) -> CopyState:
        """Return what is known of a copy.

        :raises RefusedError: there is no such copy.
        """
        if number not in self.copies:
            known = ", ".join(str(each) for each in sorted(self.copies)) or "none"
            raise RefusedError(
                f"There is no database copy {number}; there are: {known}.",
                "See zeoctl status --copies.",
            )
        return self.copies[number]

    def side_of(self, number: int) -> str | None:
        """Return the side that serves a copy."""
        for side, served in self.serving.items():
            if served == number:
                return side
        return None

    def free_side(self) -> str:
        """Return a side that serves nothing.

        :raises RefusedError: both do.
        """
        for side in SIDES:
            if side not in self.serving:
                return side
        served = " and ".join(str(number) for number in sorted(self.serving.values()))
        raise RefusedError(
            f"Both addresses are taken, by the database copies {served}.",
            "Unserve or retire one of them first.",
        )

    def with_copy(self, copy: CopyState) -> StorageState:
        """Return this state with a copy added or changed."""
        return dataclasses.replace(
            self,
            copies={**self.copies, copy.number: copy},
            last=max(self.last, copy.number),
        )

    def without_copy(self, number: int) -> StorageState:
        """Return this state without a copy."""
        kept = {each: copy for each, copy in self.copies.items() if each != number}
        return dataclasses.replace(self, copies=kept)

    def with_serving(self, side: str, number: int | None) -> StorageState:
        """Return this state with *side* serving a copy, or nothing."""
        serving = {key: value for key, value in self.serving.items() if key != side}
        if number is not None:
            serving[side] = number
        return dataclasses.replace(self, serving=serving)


def load(places: StorageLayout) -> StorageState:
    """Read ``state.json``; of a storage that never had one nothing is known.

    :raises DamagedError: it cannot be understood, or is lost.
    """
    try:
        found = json.loads(places.state.read_text(encoding="utf-8"))
        return _state(_of_our_format(found))
    except FileNotFoundError:
        if not places.kept_state.exists():
            return StorageState()
        raise DamagedError(f"{places.state} is missing.", _advice(places)) from None
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise DamagedError(
            f"{places.state} does not describe the copies of a database: "
            f"{typed.wrong(error)}.",
            _advice(places),
        ) from None


def _advice(places: StorageLayout) -> str:
    name = places.root.name
    return (
        f"The databases are not affected. Put back what was kept: cp "
        f"{places.kept_state} {places.state}; then zeoctl start {name}."
        if places.kept_state.exists()
        else f"The databases are not affected. Move {places.state} away and import "
        "the live one: zeoctl import takes a Data.fs below databases too."
    )


def keep(places: StorageLayout) -> None:
    """Have ``state.kept.json`` say what ``state.json`` says.

    If that fails the next command does it: what is true is true already.
    """
    with contextlib.suppress(OSError):
        files.write_if_changed(places.kept_state, places.state.read_bytes())


def save(places: StorageLayout, state: StorageState) -> None:
    """Replace ``state.json``, durably and in one moment; then what is kept of it."""
    files.write(
        places.state,
        files.canonical_json(
            {
                "format": _FORMAT,
                "copies": [
                    dataclasses.asdict(state.copies[number])
                    for number in sorted(state.copies)
                ],
                "serving": dict(state.serving),
                "last": state.last,
            }
        ),
    )
    keep(places)


def next_number(
    places: StorageLayout, state: StorageState, backed_up: Iterable[int] = ()
) -> int:
    """Return a number that no copy has, had, or was backed up under.

    Clients keep caches by number: one is never given twice.
    """
    on_disk = (
        [int(path.name) for path in places.databases.iterdir() if path.name.isdigit()]
        if places.databases.is_dir()
        else []
    )
    parents = (copy.parent or 0 for copy in state.copies.values())
    return max([0, state.last, *state.copies, *on_disk, *parents, *backed_up]) + 1


def unknown(places: StorageLayout, state: StorageState) -> tuple[Path, ...]:
    """Return what is among the copies and is none that is known."""
    if not places.databases.is_dir():
        return ()
    known = {str(number) for number in state.copies}
    return tuple(
        path
        for path in sorted(places.databases.iterdir())
        if path.name not in known and not files.is_partial(path)
    )


def _of_our_format(found: dict[str, Any]) -> dict[str, Any]:
    if found["format"] != _FORMAT:
        raise ValueError("it is of another format")
    return found


def _state(found: dict[str, Any]) -> StorageState:
    copies = {copy.number: copy for copy in map(_copy, found["copies"])}
    serving = {side: typed.whole(copy) for side, copy in found["serving"].items()}
    if not set(serving) <= set(SIDES) or not set(serving.values()) <= set(copies):
        raise ValueError(f"it serves {serving}")
    live = [copy for copy in copies.values() if copy.status is Status.LIVE]
    if len(copies) != len(found["copies"]) or len(live) > 1:
        raise ValueError("it tells of a copy twice, or of two that are live")
    return StorageState(copies, serving, typed.whole(found["last"]))


def _copy(values: dict[str, Any]) -> CopyState:
    copy = typed.built(CopyState, values)
    for tid in (copy.tid, copy.adopted_tid, *itertools.chain(*copy.periods)):
        if tid:
            typed.tid(tid)
    return copy
