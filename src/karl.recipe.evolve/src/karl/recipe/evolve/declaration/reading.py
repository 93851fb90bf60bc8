"""Reading the options of a part: everything that is wrong with them is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from karl.recipe.release.base import optionreading
from karl.recipe.release.base.optionreading import Value


class Reading:
    """The options of a part, and what is found wrong with them.

    :param given: their texts by name.
    :param base: the folder that relative paths are below.
    :param defaults: what an option is that is not given; every option is there.
    :ivar problems: in words; options that there are not are among them.
    """

    def __init__(
        self, given: Mapping[str, str], base: Path, defaults: Mapping[str, str]
    ) -> None:
        self.given = given
        self.base = base
        self.defaults = defaults
        self.problems = optionreading.unknown(given, defaults)

    def text(self, option: str) -> str:
        """Return the text of an option."""
        return self.given.get(option, self.defaults[option]).strip()

    def read(self, option: str, parse: Callable[[str], Value]) -> Value:
        """Return the value of an option; of a wrong one, that of its default."""
        return optionreading.parsed(
            self.text(option),
            self.defaults[option],
            parse,
            lambda wrong: self.complain(f"{option} {wrong}"),
        )

    def complain(self, problem: str) -> None:
        """Note that something is wrong."""
        self.problems.append(problem)

    def refuse(self) -> None:
        """Tell everything that is wrong at once.

        :raises UsageError: something is.
        """
        optionreading.refuse(self.problems)
