"""The scripts of a release, chosen as zc.recipe.egg chooses them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from karl.recipe.release.base.errors import RefusedError
from karl.recipe.release.base.layout import ReleaseLayout
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.release.distributions.metadata import EntryPoint, entry_points
from karl.recipe.release.trees.interpreter import first_lines, launcher
from karl.recipe.release.trees.specification import (
    RESERVED,
    Specification,
    script_problem,
)

_GROUP = "console_scripts"

#: As zc.recipe.egg, that is part of every working set.
_NEVER_DEPENDENT = "setuptools"

#: Who brings the scripts that no distribution does.
_EXPLICIT = "the option entry-points"
_INTERPRETERS = "the option interpreter"

_COOKIE = re.compile(r"(coding[:=]\s*)([-\w.]+)")


@dataclass(frozen=True)
class Provider:
    """A distribution that brings scripts.

    :ivar entry_points: text of its ``entry_points.txt``.
    :ivar legacy: its ``.data/scripts``: name and content, as in the wheel.
    """

    name: str
    entry_points: str = ""
    legacy: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class _Script:
    owner: str
    content: bytes


class Scripts:
    """All scripts of a release.

    :ivar files: content by name.
    :ivar called: the entry points of distributions that scripts call.
    :ivar explicit: those that the option ``entry-points`` names.
    """

    def __init__(self, release: ReleaseLayout, wanted: Specification) -> None:
        self.release = release
        self.wanted = wanted
        self.called: list[EntryPoint] = []
        self.explicit: list[EntryPoint] = []
        self._found: dict[str, _Script] = {}
        self._problems: list[str] = []
        self._known: set[str] = set()

    @property
    def files(self) -> dict[str, bytes]:
        """All scripts by name."""
        return {name: script.content for name, script in sorted(self._found.items())}

    def add_provider(self, provider: Provider) -> None:
        """Take the chosen scripts of a distribution."""
        for point in entry_points(provider.entry_points):
            if point.group == _GROUP:
                self.add_entry_point(point, provider.name)
        for name, content in provider.legacy:
            target = self._chosen(name)
            if target is not None:
                self._put(target, provider.name, self._legacy(content))

    def add_entry_point(self, point: EntryPoint, owner: str) -> None:
        """Take the script that calls *point*, if it is chosen."""
        target = self._chosen(point.name)
        if target is None:
            return
        if not point.attribute:
            self._problems.append(f"{owner}: {point.name} = {point} names no function")
            return
        if self._put(target, owner, self._call(point)):
            (self.explicit if owner == _EXPLICIT else self.called).append(point)

    def add_interpreters(self, wanted: str) -> None:
        """Add ``python``, ``python3``, and the one that is *wanted*."""
        plain = launcher(self.release).encode()
        for name in {*RESERVED, wanted} - {""}:
            initialized = name == wanted and self.wanted.initialization
            content = self._interpreter() if initialized else plain
            self._put(name, _INTERPRETERS, content)

    def check(self, reporter: Reporter) -> None:
        """Warn of what was asked for in vain, and refuse what cannot be.

        :raises RefusedError: names of scripts clash or are not acceptable.
        """
        for name, _ in self.wanted.scripts or ():
            if name not in self._known:
                reporter.warn(f"No listed egg has the script {name}; it is left out.")
        if self._problems:
            raise RefusedError(
                f"The scripts cannot be made: {'; '.join(self._problems)}.",
                "Choose scripts by name (scripts =), or rename them (scripts = a=b).",
            )

    def _chosen(self, name: str) -> str | None:
        self._known.add(name)
        if self.wanted.scripts is None:
            return name
        return dict(self.wanted.scripts).get(name)

    def _put(self, name: str, owner: str, content: bytes) -> bool:
        """Add one script; tell whether it is there now with this content."""
        other = self._found.get(name)
        problem = "" if owner == _INTERPRETERS else script_problem(name)
        if problem:
            self._problems.append(f"{owner}: {problem}")
        elif not other or other.owner == owner or other.content == content:
            self._found[name] = _Script(owner, content)
        elif other.owner != _EXPLICIT:
            self._problems.append(f"{name} is of both {other.owner} and {owner}")
        return name in self._found and self._found[name].content == content

    def _call(self, point: EntryPoint) -> bytes:
        text = (
            f"{first_lines(self.release)}import sys\n"
            f"{_block(self.wanted.initialization)}"
            f"import {point.module}\n\n"
            "if __name__ == '__main__':\n"
            f"    sys.exit({point.module}.{point.attribute}({self.wanted.arguments}))\n"
        )
        return text.encode()

    def _interpreter(self) -> bytes:
        text = (
            f"{first_lines(self.release)}import sys\n"
            f"{_block(self.wanted.initialization)}{_INTERPRETER}"
        )
        return text.encode()

    def _legacy(self, content: bytes) -> bytes:
        """Return a script of ``.data/scripts`` as it runs in the release.

        Only Python scripts, which a wheel marks by ``#!python``, are changed.
        """
        if not content.startswith(b"#!python"):
            return content
        _, _, rest = _decoded(content).partition("\n")
        lines = rest.splitlines(keepends=True)
        place = next(
            (number for number, line in enumerate(lines) if _imports(line)), len(lines)
        )
        head, tail = "".join(lines[:place]), "".join(lines[place:])
        code = _block(self.wanted.initialization)
        return f"{first_lines(self.release)}{head}{code}{tail}".encode()


def plan(
    release: ReleaseLayout,
    wanted: Specification,
    listed: Sequence[Provider],
    dependent: Iterable[Provider],
    reporter: Reporter,
) -> Scripts:
    """Return the scripts of a release.

    Other than zc.recipe.egg, which lets the last of them win, two distributions
    may not have one script.  The option ``entry-points`` decides such a case.

    :param listed: the listed eggs.
    :param dependent: everything else in the release.
    :raises RefusedError: see :meth:`Scripts.check`.
    """
    scripts = Scripts(release, wanted)
    if wanted.scripts is None or wanted.scripts:
        for name, module, attribute in wanted.entry_points:
            point = EntryPoint(_GROUP, name, module, attribute)
            scripts.add_entry_point(point, _EXPLICIT)
        for provider in listed:
            scripts.add_provider(provider)
        for provider in dependent if wanted.dependent_scripts else ():
            if provider.name != _NEVER_DEPENDENT:
                scripts.add_provider(provider)
        scripts.add_interpreters(wanted.interpreter)
    else:
        scripts.add_interpreters("")
    scripts.check(reporter)
    return scripts


def _block(code: str) -> str:
    return f"\n{code}\n" if code else ""


def _imports(line: str) -> bool:
    return (
        line.startswith(("import", "from"))
        and "import" in line
        and "__future__" not in line
    )


def _decoded(content: bytes) -> str:
    """Return a script's text; its coding line, if any, then says UTF-8."""
    head = content.split(b"\n", 2)[:2]
    for line in head:
        match = _COOKIE.search(line.decode("latin-1"))
        if match and line.lstrip().startswith(b"#"):
            with contextlib.suppress(LookupError):
                text = content.decode(match[2], "replace")
                return _COOKIE.sub(r"\1utf-8", text, count=1)
    return content.decode("utf-8", "replace")


#: What zc.recipe.egg's interpreters understand: -i, -I (which it is anyway), -c,
#: -m and a file; arguments behind these are left to the program.
_INTERPRETER = """
def _run():
    words = sys.argv[1:]
    interactive = not words
    while words and words[0][:1] == "-":
        letters = words.pop(0)[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter == "i":
                interactive = True
            elif letter in "cm":
                value = letters or (words.pop(0) if words else "")
                sys.argv[:] = ["-" + letter, *words]
                words, letters = [], ""
                if letter == "c":
                    exec(compile(value, "<string>", "exec"), globals())
                else:
                    import runpy
                    runpy.run_module(value, {}, "__main__", alter_sys=True)
            elif letter != "I":
                sys.exit(f"{sys.argv[0]}: unknown option -{letter}")
    if words:
        sys.argv[:] = words
        globals()["__file__"] = words[0]
        with open(words[0], "rb") as stream:
            exec(compile(stream.read(), words[0], "exec"), globals())
    if interactive:
        import code
        code.interact(banner="", local=globals())

_run()
"""
