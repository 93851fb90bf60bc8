"""Rounds: every contender once a round, so that what disturbs one disturbs all.

Nothing is removed between the rounds, and each works in a folder that is new:
file systems such as ext4 pass over the places of files that were removed a
moment ago, and take several times as long to make a file then.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.findings import Measurement
from benchmarks.workshop import Workshop


@dataclass(frozen=True)
class Contender:
    """One who takes part.

    :ivar name: of the measurement.
    :ivar place: name of the folder that it works in.  Contenders that name the
        same one share it in each round, in their order; it is new every round.
    :ivar run: does it in that folder, and returns how many seconds it took.
    :ivar most: rounds that it takes part in at most; 0: all.
    """

    name: str
    place: str
    run: Callable[[Path], float]
    most: int = 0

    def takes_part(self, number: int) -> bool:
        """Tell whether it is in round *number*; 0 is the warm-up."""
        return not self.most or 0 < number <= self.most


def compete(
    contenders: Sequence[Contender], count: int, shop: Workshop, *, warm_up: bool
) -> list[Measurement]:
    """Return what each contender took, a measurement a contender.

    Before each the disk is made to write what others left (``sync``), so that
    nobody pays for another.

    :param warm_up: begin with a round that does not count.
    """
    found: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in range(0 if warm_up else 1, count + 1):
        told = f"round {number} of {count}" if number else "warm-up"
        for contender in contenders:
            if not contender.takes_part(number):
                continue
            folder = shop.root / f"{contender.place}-{number}"
            folder.mkdir(exist_ok=True)
            os.sync()
            shop.progress.say(f"{told}: {contender.name} ...")
            seconds = contender.run(folder)
            shop.progress.say(f"{told}: {contender.name}: {seconds:.3f} s")
            if number:
                found[contender.name].append(seconds)
    return [Measurement(name, tuple(values)) for name, values in found.items()]
