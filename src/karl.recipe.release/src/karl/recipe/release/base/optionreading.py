"""Options as a buildout gives them; what is wrong with them is told all at once."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from karl.recipe.release.base.errors import KarlError, UsageError

Value = TypeVar("Value")

#: Options that zc.buildout itself puts into a section.
BUILDOUTS_OWN = frozenset(
    {"recipe", "__buildout_signature__", "__buildout_installed__"}
)

#: How much of a wrong value is shown.
_SHOWN = 60

_NO_REASONS: Mapping[str, str] = MappingProxyType({})


def given(options: Any) -> dict[str, str]:
    """Return the options of a section; each is read, so that none is unused.

    :param options: as zc.buildout hands them to a recipe.
    """
    return {name: str(options[name]) for name in sorted({*options} - BUILDOUTS_OWN)}


def unknown(
    names: Iterable[str], known: Iterable[str], reasons: Mapping[str, str] = _NO_REASONS
) -> list[str]:
    """Tell of each option that there is not, why, or what may be meant.

    :param names: of the options of a section.
    :param known: those that it may have.
    :param reasons: why some cannot be: the end of a sentence that begins with the
        option.
    """
    there = sorted(known)
    return [_told(name, there, reasons) for name in sorted({*names} - {*there})]


def _told(name: str, known: list[str], reasons: Mapping[str, str]) -> str:
    if name in reasons:
        return f"the option {name} {reasons[name]}"
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"there is no option {name}; is {near[0]} meant?"
    return f"there is no option {name}; there are {', '.join(known)}"


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
