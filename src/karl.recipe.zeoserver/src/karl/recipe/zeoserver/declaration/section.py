"""Reading one section's options: what is wrong is collected, not raised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from karl.recipe.release.base.optionreading import Value, parsed


@dataclass(frozen=True)
class Section:
    """The options of a section, and what is found wrong with them.

    :ivar name: of the section.
    :ivar own: options that are given in it.
    :ivar behind: name of the section whose options hold where it gives none.
    :ivar common: the options of that one.
    :ivar defaults: what holds where neither gives any.
    :ivar problems: every problem that was found, in words.
    """

    name: str
    own: Mapping[str, str]
    behind: str
    common: Mapping[str, str]
    defaults: Mapping[str, str]
    problems: list[str]

    def text(self, option: str) -> str:
        """Return the text of an option, ``{storage}`` in it replaced."""
        for given in (self.own, self.common, self.defaults):
            if option in given:
                return given[option].strip().replace("{storage}", self.name)
        return ""

    def read(self, option: str, parse: Callable[[str], Value]) -> Value:
        """Return the value of an option; of a wrong one, that of its default."""
        section = self.name if option in self.own else self.behind
        return parsed(
            self.text(option),
            self.defaults[option],
            parse,
            lambda wrong: self.problems.append(f"[{section}] {option} {wrong}"),
        )

    def complain(self, problem: str) -> None:
        """Note that something is wrong with the section as a whole."""
        self.problems.append(f"[{self.name}] {problem}")
