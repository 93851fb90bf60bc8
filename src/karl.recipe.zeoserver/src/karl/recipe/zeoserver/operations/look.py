"""A look at a storage, which goes on whatever fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from karl.recipe.release.base.errors import KarlError
from karl.recipe.zeoserver.operations.storage import Storage

_Value = TypeVar("_Value")


@dataclass
class Look:
    """What is looked at, and what is wrong with it.

    :ivar problems: sentences, each with what to do next.
    :ivar supervised: supervisord runs.
    """

    storage: Storage
    supervised: bool = False
    problems: list[str] = field(default_factory=list)

    def attempt(self, what: Callable[[], _Value], otherwise: _Value) -> _Value:
        """Return what *what* returns; if it fails, tell so and return *otherwise*."""
        try:
            return what()
        except KarlError as error:
            text = str(error)
        except OSError as error:
            text = f"The system said: {error}."
        if text not in self.problems:
            self.problems.append(text)
        return otherwise
