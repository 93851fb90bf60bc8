"""What a site has answered its visitors."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Answer:
    """What came of a request.

    :ivar kind: ``read``, ``search`` or ``write``.
    :ivar start: seconds since the epoch; ``end`` too.
    :ivar status: of the last answer; 0: there was none.
    :ivar retry_after: what a refusal says of it.
    :ivar word: of a write: what it is found by.
    :ivar made: of an accepted write: the path of what it made.
    :ivar error: what is wrong with it; empty: nothing.
    """

    kind: str
    path: str
    start: float
    end: float
    status: int
    retry_after: str = ""
    word: str = ""
    made: str = ""
    error: str = ""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start

    @property
    def is_write(self) -> bool:
        """Tell whether it was to change something."""
        return self.kind == "write"

    @property
    def accepted(self) -> bool:
        """Tell whether it is a write, and was done."""
        return self.is_write and self.status == http.client.OK and not self.error

    @property
    def refused(self) -> bool:
        """Tell whether it is a write, and was refused politely."""
        return self.is_write and self.status == http.client.SERVICE_UNAVAILABLE

    @property
    def failed(self) -> bool:
        """Tell whether it was answered as it should not be."""
        return bool(self.error) or not (self.status == http.client.OK or self.refused)


@dataclass(frozen=True)
class Counts:
    """Answers in numbers.

    :ivar failed: of reads and writes.
    """

    reads: int = 0
    failed: int = 0
    accepted: int = 0
    refused: int = 0

    @classmethod
    def of(cls, answers: Iterable[Answer]) -> Counts:
        """Count answers."""
        found = list(answers)
        return cls(
            sum(not each.is_write for each in found),
            sum(each.failed for each in found),
            sum(each.accepted for each in found),
            sum(each.refused for each in found),
        )

    def __str__(self) -> str:
        return (
            f"{self.reads} pages read, {self.failed} failed; {self.accepted} changes "
            f"accepted, {self.refused} refused politely"
        )


def read_answers(path: Path) -> list[Answer]:
    """Return every answer so far, in the order in which they came."""
    lines = path.read_text().splitlines(keepends=True)
    return [Answer(**json.loads(line)) for line in lines if line.endswith("\n")]
