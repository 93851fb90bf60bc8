"""The sizes of databases that operations are measured against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DatabaseSize:
    """How much is in a database.

    :ivar megabytes: of Data.fs, in millions of bytes.
    :ivar objects: all of them, blobs included.
    :ivar blobs: objects that have a blob.
    :ivar most: rounds it takes part in at most; 0: all.
    """

    name: str
    megabytes: int
    objects: int
    blobs: int
    most: int = 0

    @property
    def title(self) -> str:
        """What a table calls it."""
        size = (
            f"{self.megabytes / 1000:g} GB"
            if self.megabytes >= 1000
            else f"{self.megabytes} MB"
        )
        return f"{size}, {self.objects:,} objects, {self.blobs:,} blobs"


#: From small to large; the first and the last that are chosen are compared.
SIZES = (
    DatabaseSize("small", 100, 10**4, 10**3),
    DatabaseSize("medium", 1000, 10**5, 10**4, 2),
    DatabaseSize("large", 1000, 10**6, 10**5, 2),
    DatabaseSize("huge", 4000, 10**6, 10**5, 1),
)

#: What is measured unless something else is asked for.
USUAL = ("small", "medium", "large")

#: Only shows that everything works.
QUICK = (DatabaseSize("tiny", 1, 200, 20), DatabaseSize("twice", 2, 400, 40))
