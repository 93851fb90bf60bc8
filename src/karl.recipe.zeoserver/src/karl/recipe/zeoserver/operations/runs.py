"""Commands as journal and lock have them: what was begun, and how far it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karl.recipe.release.base import locks
from karl.recipe.release.base.errors import DamagedError
from karl.recipe.release.base.journal import Journal

#: What entries must have to be put right, by the steps that they are of.
_NEEDED: Mapping[str, Mapping[str, type]] = {
    "begin": {"verb": str},
    "place": {"number": int},
    "freeze": {"old": int, "new": int, "was_read_only": bool},
    "append": {"number": int, "at": int, "unit": str},
    "pack": {"number": int, "inode": int},
}

#: Bytes of the journal's end that are looked at: more than any one command wrote.
_TAIL = 1 << 18


@dataclass(frozen=True)
class Run:
    """A command as the journal has it.

    :ivar begin: its first entry.
    :ivar steps: what it began to do.
    :ivar settled: it ended, or what it left has been put right.
    """

    begin: Mapping[str, Any]
    steps: Sequence[Mapping[str, Any]]
    settled: bool

    @property
    def verb(self) -> str:
        """What it was."""
        return str(self.begin["verb"])

    def step(self, name: str) -> Mapping[str, Any] | None:
        """Return the last step of a name, if it came to that."""
        found = [step for step in self.steps if step.get("step") == name]
        return found[-1] if found else None


def last(journal: Journal) -> Run | None:
    """Return the command that the journal tells of last.

    :raises DamagedError: somebody edited what it says of that.
    """
    entries = journal.tail(_TAIL)
    begins = [at for at, entry in enumerate(entries) if entry.get("event") == "begin"]
    if not begins:
        return None
    own = entries[begins[-1] :]
    _check(journal, own)
    events = {entry.get("event") for entry in own}
    steps = [entry for entry in own if entry.get("event") == "step"]
    return Run(own[0], steps, bool(events & {"end", "recovered"}))


def _check(journal: Journal, entries: Sequence[Mapping[str, Any]]) -> None:
    """Assert that entries have what is needed to put right what they began.

    :raises DamagedError: one has not.
    """
    for entry in entries:
        name = "begin" if entry.get("event") == "begin" else entry.get("step")
        for key, kind in _NEEDED.get(str(name), {}).items():
            if type(entry.get(key)) is not kind:
                raise DamagedError(
                    f"{journal.path} has an entry that no command wrote: {name} "
                    f"without {key}.",
                    "Put back what it was. If it is moved away, what was interrupted "
                    "is not put right: then look at zeoctl status --copies.",
                )


def open_pack(journal: Journal) -> Mapping[str, Any] | None:
    """Return the step of the last pack, unless it is known how that ended."""
    entry: Mapping[str, Any]
    for entry in reversed(journal.tail(_TAIL)):
        event = entry.get("event"), entry.get("verb")
        if event == ("end", "pack") or event[0] == "pack settled":
            return None
        if event == ("step", "pack") and entry.get("step") == "pack":
            _check(journal, [entry])
            return entry
    return None


def doing(lock: Path) -> str | None:
    """Return what the command does that holds a storage's lock; None: nobody does."""
    holder = locks.holder(lock)
    if holder is None:
        return None
    if not {"purpose", "pid"} <= holder.keys():
        return "another command"
    return f"{holder['purpose']} (process {holder['pid']})"
