"""Faults at the changes that :mod:`karl.recipe.release.base.files` announces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


class Fault:
    """Does something at the change with a given number."""

    def __init__(self, number: int, what: Callable[[], None]) -> None:
        self.left = number
        self.what = what
        self.fired = False

    def __call__(self, action: str, path: Path) -> None:
        self.left -= 1
        if self.left == 0:
            self.fired = True
            self.what()
