"""A command's completion in zsh."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from manuals.tree import Argument, Command, Option
from manuals.values import FILES, PLACES

_VALUES = """\
FUNCTION_values() {
    local root place
    local -a found
    root=$(whence -p -- ${(Q)program}) || return
    root=${root:A:h:h}
    for place in $root/${~1}(N); do
        place=${place#$root/}
        case $1 in
            (\\**) found+=(${place%%/*}) ;;
            (*) place=${place#*/} && found+=(${place%/*}) ;;
        esac
    done
    compadd -a found
}
"""


def render(command: Command, extra: Sequence[str] = ()) -> str:
    """Return the function.

    :param extra: words that may stand for the first argument, too.
    """
    return "".join(_lines(command, extra))


def _lines(command: Command, extra: Sequence[str]) -> Iterator[str]:
    name = command.name
    function = f"_{name.replace('-', '_')}"
    yield f"#compdef {name}\n"
    yield f"# Completion of {name} in zsh: put the folder of this file into fpath.\n\n"
    yield _VALUES.replace("FUNCTION", function)
    yield f"\n{function}() {{\n"
    yield "    local program=${words[1]} state line\n    local -a verbs\n"
    if command.verbs:
        yield from _with_verbs(command, function)
    else:
        yield from _call(command, function, extra, "    ")
    yield f'}}\n\n{function} "$@"\n'


def _with_verbs(command: Command, function: str) -> Iterator[str]:
    yield "    verbs=(\n"
    for verb in command.verbs:
        told = f"{verb.name}:{verb.summary}"
        yield f"        {shlex.quote(told)}\n"
    yield "    )\n"
    top = [_option(one, function) for one in command.options]
    specs = " ".join(one for group in top for one in group)
    yield f"    _arguments -C {specs} '1:verb:->verb' '*::argument:->rest' && return\n"
    yield "    case $state in\n        (verb) _describe verb verbs ;;\n"
    yield "        (rest)\n            case $line[1] in\n"
    for verb in command.verbs:
        yield f"                ({verb.name})\n"
        yield from _call(verb, function, (), " " * 20)
        yield " " * 20 + ";;\n"
    yield "            esac\n            ;;\n    esac\n"


def _call(
    command: Command, function: str, extra: Sequence[str], indent: str
) -> Iterator[str]:
    specs = [spec for one in command.options for spec in _option(one, function)]
    for place, argument in enumerate(command.arguments, start=1):
        specs.append(_argument(place, argument, function, extra))
    yield f"{indent}_arguments \\\n"
    yield " \\\n".join(f"{indent}    {spec}" for spec in specs) + "\n"


def _option(option: Option, function: str) -> Iterator[str]:
    """Yield a specification for each spelling."""
    value = ""
    if option.value:
        value = f":{_plain(option.value)}:{_action(option.value, option, function)}"
    others = "*" if option.many else f"({' '.join(option.names)})"
    for name in option.names:
        yield shlex.quote(f"{others}{name}[{_plain(option.help)}]{value}")


def _argument(
    place: int, argument: Argument, function: str, extra: Sequence[str]
) -> str:
    action = _action(argument.name, argument, function)
    if place == 1 and extra:
        words = " ".join(extra)
        action = f"{{compadd {words}; {action.strip('{ }') or 'true'}}}"
    where = "*" if argument.many else f"{place}"
    if argument.optional and not argument.many:
        where += ":"
    return shlex.quote(f"{where}:{_plain(argument.name)}:{action}")


def _action(name: str, one: Option | Argument, function: str) -> str:
    if one.choices:
        return f"({' '.join(one.choices)})"
    if name in FILES:
        return "_files"
    if name in PLACES:
        return f'{{{function}_values "{PLACES[name]}"}}'
    return " "


def _plain(text: str) -> str:
    """Return text that means nothing to _arguments."""
    for mark in "\\[]:":
        text = text.replace(mark, f"\\{mark}")
    return text
