"""Rounds: every contender once a round, so that what disturbs one disturbs all."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.findings import Measurement
from benchmarks.progress import Progress


def _nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Contender:
    """One who takes part.

    :ivar name: of the measurement.
    :ivar run: does it, and returns how long it took, in seconds.
    :ivar prepare: makes the place ready, untimed.
    :ivar most: rounds that it takes part in at most; 0: all.
    """

    name: str
    run: Callable[[], float]
    prepare: Callable[[], None] = _nothing
    most: int = 0

    def rounds(self, count: int) -> int:
        """Return how many of *count* rounds it takes part in."""
        return min(count, self.most) if self.most else count


def compete(
    contenders: Sequence[Contender],
    count: int,
    progress: Progress,
    *,
    warm_up: bool,
) -> list[Measurement]:
    """Return what each contender took, a measurement a contender.

    Before each the disk is made to write what others left (``sync``), so that
    nobody pays for another.

    :param warm_up: begin with a round that does not count; contenders that
        take part in a few rounds only are not in it.
    """
    found: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in range(0 if warm_up else 1, count + 1):
        for contender in contenders:
            if number > contender.rounds(count) or (not number and contender.most):
                continue
            contender.prepare()
            os.sync()
            what = f"round {number} of {count}" if number else "warm-up"
            progress.say(f"{what}: {contender.name} ...")
            seconds = contender.run()
            progress.say(f"{what}: {contender.name}: {seconds:.3f} s")
            if number:
                found[contender.name].append(seconds)
    return [Measurement(name, tuple(values)) for name, values in found.items()]
