"""The command lines of the documents: where they stand, and what they consist of."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<![`\w])`([^`]+)`(?!`)")
_PROMPT = re.compile(r"^(?:\w+@\w+)?\$ (.*)$")

#: Between two simple commands.
_ENDS = {"&&", "||", "|", ";", "&", "{", "}"}

#: Before the name of a file.
_REDIRECTIONS = {">", ">>", "<"}

#: What is said elsewhere than on standard output.
_ERRORS = re.compile(r" 2>(&1|/dev/null)")

#: What stands for something else on a page, and what may stand there.
_PLACEHOLDERS = (
    (re.compile(r"<n>|(?<![-\w])(N|REVISION)\b"), "1"),
    (re.compile(r"…"), ""),
)


@dataclass(frozen=True)
class Command:
    """One program of a line, with its arguments.

    :ivar page: where it stands.
    :ivar whole: it stands in a block, to be typed as it is; else within a sentence,
        where something may be left out.
    """

    page: Path
    words: tuple[str, ...]
    whole: bool

    @property
    def name(self) -> str:
        """The program's name."""
        return self.words[0].rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.page.name}: {' '.join(self.words)}"


def commands(page: Path) -> Iterator[Command]:
    """Yield every command that a page tells to type, and those in its sentences."""
    text = page.read_text(encoding="utf-8")
    for line in typed(text):
        for words in simple(line):
            yield Command(page, words, whole=True)
    prose = _FENCE.sub("", text)
    for code in _INLINE.findall(prose):
        try:
            # What follows an ellipsis may be anything.
            found = list(simple(" ".join(code.partition("…")[0].split())))
        except ValueError:
            continue
        for words in found:
            yield Command(page, words, whole=False)


def typed(text: str) -> Iterator[str]:
    """Yield the lines that are typed: those of blocks of shell, and after a prompt."""
    for indent, language, block in _FENCE.findall(text):
        lines = [line.removeprefix(indent) for line in block.splitlines()]
        if language == "sh":
            yield from joined(lines)
        elif language == "console":
            found = (_PROMPT.match(line) for line in joined(lines))
            yield from (match[1] for match in found if match)
    indented = re.findall(r"(?<=\n\n)((?: {4}[^ \n].*\n)+)", _FENCE.sub("", text))
    for block in indented:
        yield from joined([line.strip() for line in block.splitlines()])


def joined(lines: list[str]) -> Iterator[str]:
    """Yield whole lines: with what follows a backslash or is within quotes."""
    held = ""
    for line in lines:
        held = f"{held}{line}"
        if held.endswith("\\"):
            held = held[:-1]
        elif _open(held):
            held += "\n"
        else:
            if held.strip():
                yield held
            held = ""
    if held.strip():
        yield held


def _open(text: str) -> bool:
    # Of output, an apostrophe may be one.
    if _PROMPT.match(text) is None and not re.match(r"[\w./]+ ", text):
        return False
    try:
        _tokens(text)
    except ValueError:
        return True
    return False


def _tokens(line: str) -> list[str]:
    reader = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    reader.whitespace_split = True
    return list(reader)


def simple(line: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of each program of a line.

    :raises ValueError: a quotation does not end.
    """
    words: list[str] = []
    skip = False
    for token in [*_tokens(_ERRORS.sub("", line)), ";"]:
        if token in _ENDS:
            if words:
                yield tuple(words)
            words = []
        elif skip or token in _REDIRECTIONS:
            skip = token in _REDIRECTIONS
        else:
            word = token
            for pattern, instead in _PLACEHOLDERS:
                word = pattern.sub(instead, word)
            if word:
                words.append(word)


def without_wrappers(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the program that is really meant: not sudo, not ssh."""
    while words:
        if re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words = words[1:]
        elif words[0] == "sudo":
            words = words[1:]
            while words and words[0].startswith("-"):
                words = words[2 if words[0] in {"-u", "-iu"} else 1 :]
        elif words[0] == "ssh":
            words = tuple(shlex.split(" ".join(words[2:])))
        else:
            return words
    return ()
