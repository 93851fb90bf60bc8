"""What is wrong with options, kept until all of it can be told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from karl.recipe.release.base.errors import KarlError, UsageError

Value = TypeVar("Value")

#: How much of a wrong value is shown.
_SHOWN = 60


def parsed(
    text: str,
    default: str,
    parse: Callable[[str], Value],
    complain: Callable[[str], None],
) -> Value:
    """Return the value of an option; of a wrong one, that of its default.

    :param text: what is given.
    :param default: what holds if nothing is.
    :param complain: takes what is wrong, as the end of a sentence that begins with
        the option.
    """
    try:
        return parse(text)
    except KarlError as error:
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        complain(f"= {shown!r}: {error.message.rstrip('.')}")
        return parse(default)


def refuse(problems: Iterable[str]) -> None:
    """Tell everything that is wrong at once.

    :param problems: in words; none: all is well.
    :raises UsageError: something is wrong.
    """
    told = list(dict.fromkeys(problems))
    if told:
        lines = "".join(f"\n- {problem}" for problem in told)
        one = "An option is" if len(told) == 1 else f"{len(told)} options are"
        raise UsageError(f"{one} wrong:{lines}\n", "Correct them; nothing was written.")
