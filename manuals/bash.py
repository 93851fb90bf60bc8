"""A command's completion in bash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from manuals.tree import Argument, Command, Option
from manuals.values import FILES, PLACES

_HEAD = """\
# Completion of {name} in bash: source this file, or let bash-completion find it in
# a folder bash-completion/completions.
{function}_values() {{
    local root place
    root=$(type -P -- "${{COMP_WORDS[0]}}") || return
    root=$(dirname -- "$(dirname -- "$(readlink -f -- "$root")")")
    for place in "$root"/$1; do
        [ -e "$place" ] || continue
        place=${{place#"$root"/}}
        case $1 in
            \\*/*) place=${{place%%/*}} ;;
            *) place=${{place#*/}} place=${{place%/*}} ;;
        esac
        printf '%s\\n' "$place"
    done
}}

{function}() {{
    local current=$2 previous=$3 verb= word options= words= files= found
    COMPREPLY=()
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case $word in
            {verbs}) verb=$word && break ;;
        esac
    done
    case $verb in
"""

_TAIL = """\
    esac
    if [[ $current == -* ]]; then
        words=$options files=
    fi
    if [[ $files ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
    fi
    # Not by compgen -W, which would run what a name has the form of.
    IFS=$' \\n' read -rd '' -a found <<< "$words"
    for word in "${{found[@]}}"; do
        [[ $word == "$current"* ]] && COMPREPLY+=("$word")
    done
}}

complete -F {function} {name}
"""


def render(command: Command, extra: Sequence[str] = ()) -> str:
    """Return the script.

    :param extra: words that may stand for the first argument, too.
    """
    function = f"_karl_{command.name.replace('-', '_')}"
    names = "|".join(verb.name for verb in command.verbs)
    text = _HEAD.format(name=command.name, function=function, verbs=names or "''")
    for verb in command.verbs:
        text += "".join(_case(verb.name, verb, function, ()))
    first = (*(verb.name for verb in command.verbs), *extra)
    text += "".join(_case("*", command, function, first))
    return text + _TAIL.format(function=function, name=command.name)


def _case(
    pattern: str, command: Command, function: str, first: Sequence[str]
) -> Iterator[str]:
    yield f"        {pattern})\n            case $previous in\n"
    for option in command.options:
        if option.value:
            yield f"                {'|'.join(option.names)})\n"
            yield f"                    {_offered(option, function, ())}\n"
            yield "                    ;;\n"
    names = " ".join(name for option in command.options for name in option.names)
    yield "                *)\n"
    yield f'                    options="{names}"\n'
    for argument in command.arguments[:1] or [Argument("", "", (), True, False)]:
        yield f"                    {_offered(argument, function, first)}\n"
    yield "                    ;;\n            esac\n            ;;\n"


def _offered(one: Option | Argument, function: str, first: Sequence[str]) -> str:
    """Return the assignment of what may stand there."""
    name = one.value if isinstance(one, Option) else one.name
    if name in FILES:
        return "files=yes"
    words = " ".join([*first, *one.choices])
    if name in PLACES:
        found = f"$({function}_values '{PLACES[name]}')"
        words = f"{words} {found}".strip()
    return f'words="{words}"'
