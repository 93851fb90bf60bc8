"""What a release is asked to be: the part of the request that shapes its tree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from karl.recipe.release.base.errors import UsageError
from karl.recipe.release.base.names import normalised
from karl.recipe.release.building.linkedprojects import LinkedProject, linked_projects

#: As zc.recipe.egg reads an item of ``entry-points``.
_ENTRY_POINT = re.compile(r"([^=]+)=(\w+(?:[.]\w+)*):(\w+(?:[.]\w+)*)\Z")
_SCRIPT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}\Z")

#: What is system-linked if nothing is said; an index need not hold it.
SYSTEM_LINKED = "lxml"

#: Names in ``bin`` that are ours.
RESERVED = ("python", "python3")


@dataclass(frozen=True)
class Specification:
    """The wishes for a release; the script options mean what zc.recipe.egg means.

    :ivar eggs: requirements, PEP 508, normalised and sorted.
    :ivar scripts: by entry point: name of the script; None: all of the eggs.
    :ivar entry_points: more scripts: name, module, attribute.
    :ivar interpreter: name of one more interpreter; empty: none.
    :ivar initialization: Python code that every script runs first.
    :ivar arguments: Python expressions that entry points are called with.
    :ivar dependent_scripts: also scripts of what the eggs need.
    :ivar system_linked: projects to take as wheels built against the system's
        libraries; sorted.
    :ivar linked_by_default: whether nobody said which these are.
    """

    eggs: tuple[str, ...]
    scripts: tuple[tuple[str, str], ...] | None = None
    entry_points: tuple[tuple[str, str, str], ...] = ()
    interpreter: str = ""
    initialization: str = ""
    arguments: str = ""
    dependent_scripts: bool = False
    system_linked: tuple[LinkedProject, ...] = ()
    linked_by_default: bool = False

    def describe(self) -> dict[str, Any]:
        """Return it as ``release.json`` keeps it."""
        return {
            "eggs": list(self.eggs),
            "scripts": None if self.scripts is None else dict(self.scripts),
            "entry-points": [list(point) for point in self.entry_points],
            "interpreter": self.interpreter,
            "initialization": self.initialization,
            "arguments": self.arguments,
            "dependent-scripts": self.dependent_scripts,
            "system-linked": list(map(str, self.system_linked)),
        }


def parse(options: Mapping[str, str]) -> Specification:
    """Return what the texts of a buildout section ask for.

    :raises UsageError: something is malformed; tells everything at once.
    """
    problems: list[str] = []
    specification = Specification(
        eggs=_eggs(options.get("eggs", ""), problems),
        scripts=_scripts(options.get("scripts"), problems),
        entry_points=_entry_points(options.get("entry-points", ""), problems),
        interpreter=_interpreter(options.get("interpreter", ""), problems),
        initialization=options.get("initialization", ""),
        arguments=options.get("arguments", ""),
        dependent_scripts=_boolean(options, "dependent-scripts", problems),
        system_linked=_linked(options.get("system-linked", SYSTEM_LINKED), problems),
        linked_by_default="system-linked" not in options,
    )
    _check_code(specification, problems)
    if problems:
        raise UsageError(
            f"The release cannot be built as asked: {'; '.join(problems)}.",
            "Correct these options.",
        )
    return specification


def script_problem(name: str) -> str:
    """Return why *name* cannot be a script's name; empty if it can."""
    if not _SCRIPT.match(name):
        return (
            f"{name!r} cannot be the name of a script (letters, digits and _ . + - "
            "only, first a letter, digit or _)"
        )
    return f"{name!r} is the interpreter's name" if name in RESERVED else ""


def _eggs(text: str, problems: list[str]) -> tuple[str, ...]:
    found = set()
    for line in filter(None, map(str.strip, text.split("\n"))):
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            problems.append(f"eggs: {line!r} is no requirement (one a line)")
            continue
        requirement.name = normalised(requirement.name)
        found.add(str(requirement))
    if not found and not problems:
        problems.append("eggs: there is none")
    return tuple(sorted(found))


def _scripts(
    text: str | None, problems: list[str]
) -> tuple[tuple[str, str], ...] | None:
    if text is None:
        return None
    found = {}
    for item in text.split():
        name, equals, target = item.partition("=")
        found[name] = target if equals else name
        problem = script_problem(found[name])
        if problem:
            problems.append(f"scripts: {problem}")
    return tuple(sorted(found.items()))


def _entry_points(text: str, problems: list[str]) -> tuple[tuple[str, str, str], ...]:
    found = set()
    for item in text.split():
        match = _ENTRY_POINT.match(item)
        if match:
            found.add((match[1], match[2], match[3]))
        else:
            problems.append(f"entry-points: {item!r} is not NAME=MODULE:ATTRIBUTE")
    return tuple(sorted(found))


def _interpreter(text: str, problems: list[str]) -> str:
    if text and text not in RESERVED and script_problem(text):
        problems.append(f"interpreter: {script_problem(text)}")
    return text


def _linked(text: str, problems: list[str]) -> tuple[LinkedProject, ...]:
    try:
        found = linked_projects(text)
    except UsageError as error:
        problems.append(f"system-linked: {str(error).rstrip('.')}")
        return ()
    return tuple(project for _, project in sorted(found.items()))


def _boolean(options: Mapping[str, str], name: str, problems: list[str]) -> bool:
    value = options.get(name) or "false"
    if value not in ("true", "false"):
        problems.append(f"{name}: {value!r} is neither true nor false")
    return value == "true"


def _check_code(specification: Specification, problems: list[str]) -> None:
    """Refuse code that would make every script fail at its start."""
    pieces = (
        ("initialization", specification.initialization),
        ("arguments", f"f({specification.arguments})"),
    )
    for name, code in pieces:
        try:
            compile(code, name, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            problems.append(f"{name}: is not Python: {error}")
