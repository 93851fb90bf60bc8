"""What of a storage needs somebody's attention, decided from what is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from karl.recipe.release.base.blocks import Attention, moment, notice, problem, span
from karl.recipe.zeoserver.databases.state import Status
from karl.recipe.zeoserver.declaration.model import Schedule, StorageDeclaration
from karl.recipe.zeoserver.operations import backupstatus
from karl.recipe.zeoserver.operations.words import megabytes

_HOUR, _DAY = 3600.0, 86400.0

#: How often something is expected that no timer does.
_SOMETIME = 7 * _DAY

#: A timer may have been late, or left out once.
_TIMES = 2


def of_storage(
    name: str, declared: StorageDeclaration, found: Mapping[str, Any], now: float
) -> list[Attention]:
    """Return what needs attention, the most urgent first.

    :param found: what :func:`reporting.of_storage` has found.
    :param now: seconds since the epoch.
    """
    return [
        *(_known(name, declared, text) for text in found["problems"]),
        *_failed(name, found["last_backup"]),
        *_old_backup(name, declared, found, now),
        *_unverified(name, declared, found["chains"], now),
        *_room(name, found),
        *_held(name, found["copies"]),
        *_withheld(name, found["copies"]),
        *_surplus(name, found["copies"]),
    ]


def period(schedule: Schedule | None) -> float:
    """Return the most seconds from one time of a timer to the next."""
    if schedule is None:
        return _SOMETIME
    if schedule.hour is None:
        return _HOUR
    if not schedule.days:
        return _DAY
    days = sorted(set(schedule.days))
    following = [*days[1:], days[0] + 7]
    return max(b - a for a, b in zip(days, following, strict=True)) * _DAY


def _known(name: str, declared: StorageDeclaration, text: str) -> Attention:
    """Return what ``status`` finds wrong."""
    if text == backupstatus.missing(name):
        return _expected(declared.backup_at, text)
    return problem(text)


def _failed(name: str, last: Mapping[str, Any] | None) -> Iterable[Attention]:
    if last is not None and last["error"]:
        yield problem(
            f"The backup that was begun last, until {moment(last['time'])}, failed: "
            f"{last['error']} Correct that, then: zeoctl backup {name}."
        )


def _old_backup(
    name: str, declared: StorageDeclaration, found: Mapping[str, Any], now: float
) -> Iterable[Attention]:
    """Tell of commits that are in no backup for longer than a timer would leave them.

    Where nothing was committed since, the last backup is as good as a new one.
    """
    backup, live = found["backup"], found["live"]
    if backup is None or live is None:
        return
    same = (backup["copy"], backup["tid"]) == (live["number"], live["tid"])
    allowed = _TIMES * period(declared.backup_at)
    age = now - backup["made"]
    if not same and age > allowed:
        told = f"What was committed in the last {span(age)} is in no backup: zeoctl "
        yield _expected(declared.backup_at, f"{told}backup {name}.")


def _unverified(
    name: str,
    declared: StorageDeclaration,
    chains: Iterable[Mapping[str, Any]],
    now: float,
) -> Iterable[Attention]:
    """Tell of backups that nobody has read back for too long."""
    chains = list(chains)
    if not chains:
        return
    allowed = _TIMES * period(declared.verify_at)
    times = [chain["verified"] for chain in chains if chain["verified"] is not None]
    since = max(times) if times else min(chain["first"] for chain in chains)
    if now - since <= allowed:
        return
    told = f"for {span(now - since)}" if times else "yet"
    yield _expected(
        declared.verify_at,
        f"No backup was verified {told}: zeoctl verify-backup {name} --drill.",
    )


def _expected(schedule: Schedule | None, text: str) -> Attention:
    """Return what is missing: where no timer should do it, somebody wants it so."""
    return notice(f"{text} No timer does it.") if schedule is None else problem(text)


def _room(name: str, found: Mapping[str, Any]) -> Iterable[Attention]:
    """Tell of a disk on which the next full backup would not fit."""
    free, live = found["free_for_backups"], found["live"]
    last = found["sizes"][-1] if found["sizes"] else None
    if free is None or live is None or last is None:
        return
    need = last["bytes"] + (last["blob_bytes"] or 0)
    if free < need:
        yield problem(
            f"{megabytes(free)} are free for backups, and a full one takes about "
            f"{megabytes(need)}: make room there, or have a smaller keep."
        )


def _held(name: str, copies: Iterable[Mapping[str, Any]]) -> Iterable[Attention]:
    for copy in copies:
        if copy["status"] == Status.STAGED:
            number = copy["number"]
            yield notice(
                f"Database copy {number} is staged since {moment(copy['made'])}, so "
                "that the storage cannot be packed. If no upgrade is under way: "
                f"zeoctl retire {name} {number}."
            )


def _withheld(name: str, copies: Iterable[Mapping[str, Any]]) -> Iterable[Attention]:
    """Tell of the data of another site, which nobody has scrubbed."""
    for copy in copies:
        if copy["withheld"]:
            number = copy["number"]
            yield notice(
                f"Database copy {number} has the data of {copy['source']} as they "
                "were, and is not served. If no refresh is under way: zeoctl retire "
                f"{name} {number}, then zeoctl prune {name} --copy {number}."
            )


def _surplus(name: str, copies: Iterable[Mapping[str, Any]]) -> Iterable[Attention]:
    """Tell of copies that only take room."""
    copies = list(copies)
    retired = [copy for copy in copies if copy["status"] == Status.RETIRED]
    former = [copy for copy in copies if copy["status"] == Status.FORMER]
    if retired:
        yield notice(
            f"Retired: {_told(retired)}. Remove: zeoctl prune {name} --keep 0."
        )
    if len(former) > 1:
        old = sorted(former, key=lambda copy: copy["number"])[:-1]
        yield notice(
            f"Kept to go back to, besides the newest: {_told(old)}. If nobody will: "
            f"zeoctl retire {name} {old[0]['number']}, then zeoctl prune."
        )


def _told(copies: list[Mapping[str, Any]]) -> str:
    numbers = ", ".join(str(copy["number"]) for copy in copies)
    size = sum(copy["size"] or 0 for copy in copies)
    one = "database copy" if len(copies) == 1 else "database copies"
    return f"{one} {numbers}, {megabytes(size)} without blobs"
