"""What is done to storages at fixed times, whoever watches the clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from karl.recipe.zeoserver.declaration.model import Central, Schedule

#: What is done at fixed times.
VERBS = ("backup", "pack", "verify-backup")

#: Seconds that a verb waits for another that holds the storage: what meets a long
#: backup must not be left out until its next time.
_PATIENCE = {"backup": 3600, "pack": 3600}


@dataclass(frozen=True)
class Timer:
    """One verb for one storage: if one fails, the others are not kept from theirs.

    :ivar title: what is done, for people.
    """

    verb: str
    storage: str
    title: str
    schedule: Schedule

    @property
    def arguments(self) -> tuple[str, ...]:
        """The words for zeoctl."""
        patience = _PATIENCE.get(self.verb)
        waiting = () if patience is None else ("--wait", str(patience))
        return (self.verb, self.storage, "--quiet", *waiting)


def of(central: Central) -> Iterator[Timer]:
    """Yield every timer, by storage and verb."""
    for name in sorted(central.storages):
        declared = central.storages[name]
        for verb, title, schedule in (
            ("backup", "Back up", declared.backup_at),
            ("pack", "Pack", declared.pack_at),
            ("verify-backup", "Verify the backup of", declared.verify_at),
        ):
            if schedule is not None:
                yield Timer(verb, name, title, schedule)
