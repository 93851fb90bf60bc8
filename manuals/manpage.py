"""A command's man page."""

from __future__ import annotations

from collections.abc import Iterator

from manuals.tree import Argument, Command, Option

_EXAMPLES = "examples:\n"


def render(command: Command, package: str, others: tuple[str, ...]) -> str:
    """Return the page of a command, for section 1.

    It has no date and no version: the same command gives the same page.

    :param package: what the command belongs to.
    :param others: commands that belong together with this one.
    """
    return "".join(f"{line}\n" for line in _page(command, package, others))


def _page(command: Command, package: str, others: tuple[str, ...]) -> Iterator[str]:
    yield f'.TH {_text(command.name).upper()} 1 "" "{package}"'
    # Nobody wants a dash where an option begins, or words torn apart.
    yield ".nh"
    yield ".SH NAME"
    yield f"{_text(command.name)} \\- {_text(command.summary)}"
    yield ".SH SYNOPSIS"
    yield from _synopsis(command.name, command)
    description = _prose(command.description)
    if description:
        yield ".SH DESCRIPTION"
        yield from description
    if command.arguments:
        yield ".SH ARGUMENTS"
        for argument in command.arguments:
            yield from _argument(argument)
    if command.verbs:
        yield ".SH VERBS"
        for verb in command.verbs:
            yield from _verb(command.name, verb)
    yield ".SH OPTIONS"
    for option in command.options:
        yield from _option(option)
    for part in filter(None, command.epilog.strip().split("\n\n")):
        yield from _note(part)
    if others:
        yield ".SH SEE ALSO"
        yield ", ".join(f"\\fB{_text(one)}\\fR(1)" for one in others)


def _note(text: str) -> Iterator[str]:
    """Yield a part of what stands at the end of --help."""
    if text.startswith(_EXAMPLES):
        yield ".SH EXAMPLES"
        yield from _as_it_is(text.removeprefix(_EXAMPLES))
    else:
        yield ".SH NOTES"
        yield from _as_it_is(text) if "\n  " in text else _prose(text)


def _verb(name: str, verb: Command) -> Iterator[str]:
    yield f".SS {_text(verb.name)}"
    yield _text(f"{verb.summary[:1].upper()}{verb.summary[1:]}".rstrip(".") + ".")
    yield ".PP"
    yield from _synopsis(f"{name} {verb.name}", verb)
    for argument in verb.arguments:
        yield from _argument(argument)
    for option in verb.options:
        if "--help" not in option.names:
            yield from _option(option)


def _synopsis(name: str, command: Command) -> Iterator[str]:
    words = [f"\\fB{_text(name)}\\fR", "[\\fIOPTION\\fR]..."]
    if command.verbs:
        words.append("\\fIVERB\\fR")
    for argument in command.arguments:
        word = f"\\fI{_text(argument.name)}\\fR" + "..." * argument.many
        words.append(f"[{word}]" if argument.optional else word)
    yield " ".join(words)


def _argument(argument: Argument) -> Iterator[str]:
    yield ".TP"
    yield f"\\fI{_text(argument.name)}\\fR"
    yield _text(_told(argument.help, argument.choices)) or "\\&"


def _option(option: Option) -> Iterator[str]:
    value = f" \\fI{_text(option.value)}\\fR" if option.value else ""
    yield ".TP"
    yield ", ".join(f"\\fB{_text(name)}\\fR{value}" for name in option.names)
    yield _text(_told(option.help, option.choices)) or "\\&"


def _told(text: str, choices: tuple[str, ...]) -> str:
    if not choices:
        return text
    return f"{text} (one of: {', '.join(choices)})".strip()


def _prose(text: str) -> list[str]:
    """Return a text's paragraphs; marks of reStructuredText are left out."""
    lines: list[str] = []
    for paragraph in text.replace("``", "").strip().split("\n\n"):
        if lines:
            lines.append(".PP")
        lines.append(_text(" ".join(paragraph.split())))
    return [line for line in lines if line]


def _as_it_is(text: str) -> Iterator[str]:
    yield ".nf"
    for line in text.strip("\n").splitlines():
        yield _text(line) or ".sp"
    yield ".fi"


def _text(text: str) -> str:
    """Return text in which nothing means something to roff."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = text.replace("'", "\\(aq")
    return f"\\&{text}" if text.startswith(".") else text
