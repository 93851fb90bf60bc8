"""What a command understands, read from its parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """One option, in all its spellings.

    :ivar names: such as ``-q`` and ``--quiet``.
    :ivar value: the name of its value; empty: it takes none.
    :ivar choices: the values that there are; empty: any.
    :ivar many: it may be given several times.
    """

    names: tuple[str, ...]
    value: str
    help: str
    choices: tuple[str, ...]
    many: bool


@dataclass(frozen=True)
class Argument:
    """What is given without an option.

    :ivar optional: it may be left out.
    :ivar many: there may be several.
    """

    name: str
    help: str
    choices: tuple[str, ...]
    optional: bool
    many: bool


@dataclass(frozen=True)
class Command:
    """A command, or a verb of one.

    :ivar summary: a few words.
    :ivar epilog: text for below, as it is.
    """

    name: str
    summary: str
    description: str
    epilog: str
    options: tuple[Option, ...]
    arguments: tuple[Argument, ...]
    verbs: tuple[Command, ...]


def read(parser: argparse.ArgumentParser, name: str, summary: str = "") -> Command:
    """Return what a parser understands."""
    actions = [one for one in parser._actions if one.help != argparse.SUPPRESS]  # noqa: SLF001
    description = parser.description or ""
    return Command(
        name,
        summary or _first_sentence(description).removeprefix(f"{name}: "),
        description,
        parser.epilog or "",
        tuple(_option(parser, one) for one in actions if one.option_strings),
        tuple(
            _argument(parser, one)
            for one in actions
            if not one.option_strings and not _has_verbs(one)
        ),
        tuple(verb for one in actions if _has_verbs(one) for verb in _verbs(one)),
    )


def _first_sentence(text: str) -> str:
    """Return what a command is, in a few words."""
    first = " ".join(text.split("\n\n", maxsplit=1)[0].split()).partition(". ")[0]
    return first.replace("``", "").rstrip(".")


def _has_verbs(action: argparse.Action) -> bool:
    return isinstance(action, argparse._SubParsersAction)  # noqa: SLF001


def _verbs(action: argparse.Action) -> Iterator[Command]:
    summaries = {one.dest: one.help or "" for one in action._get_subactions()}  # type: ignore[attr-defined]  # noqa: SLF001
    parsers: dict[str, argparse.ArgumentParser] = dict(action.choices or {})
    for name, parser in parsers.items():
        yield read(parser, name, summaries.get(name, ""))


def _option(parser: argparse.ArgumentParser, action: argparse.Action) -> Option:
    takes = action.nargs != 0
    value = str(action.metavar or action.dest.upper().replace("_", "-"))
    return Option(
        tuple(action.option_strings),
        value if takes else "",
        _help(parser, action),
        _choices(action) if takes else (),
        isinstance(action, argparse._AppendAction),  # noqa: SLF001
    )


def _argument(parser: argparse.ArgumentParser, action: argparse.Action) -> Argument:
    return Argument(
        str(action.metavar or action.dest),
        _help(parser, action),
        _choices(action),
        action.nargs in {"?", "*"},
        action.nargs in {"*", "+"},
    )


def _choices(action: argparse.Action) -> tuple[str, ...]:
    return tuple(str(choice) for choice in action.choices or ())


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    if not action.help:
        return ""
    return parser._get_formatter()._expand_help(action)  # noqa: SLF001
