"""What a server printed: why it ended, first of all.

A server that ends by itself prints an error, what to do next, and its exit code.
supervisord starts it again and again, so that the file has the same many times.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

#: Bytes of the end of a file that are looked at.
_TAIL = 16 << 10

#: Lines that are told of what is no error of ours.
_LINES = 5

#: Exit codes that no further attempt changes: somebody must do something first.
_LASTING = frozenset({2, 3, 4, 7})

#: So often must a server have failed in the same way.
_OFTEN = 2

#: What precedes the code that a server says it ends with.
CODE = "exit code: "

#: Lines up to what follows, none of which begins another error.
_TEXT = r"(?:(?!^error: ).)*?"

#: The command itself, where there is no software, says no code.
_FAILURE = re.compile(
    rf"^error: (?P<message>{_TEXT})\n(?:"
    rf"(?:next: (?P<tip>{_TEXT})\n)?{CODE}(?P<code>\d+)$|next: (?P<line>[^\n]*)$)",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Failure:
    """Why a server ended.

    :ivar message: a sentence.
    :ivar tip: what to do next; may be empty.
    :ivar lasting: it ended so more than once, and will again.
    """

    message: str
    tip: str
    lasting: bool = False


class Output:
    """What a server prints from now on.

    :param path: the file; it may not be there yet, or be a new one later.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._start = self._size()

    def failure(self) -> Failure | None:
        """Return the last failure since; None: there was none."""
        start = self._start if self._start <= self._size() else 0
        return _failure(self._text(start))

    def last(self) -> Failure | None:
        """Return the last failure, whenever it was."""
        return _failure(self._text(0))

    def lines(self) -> str:
        """Return the last lines, whatever they are."""
        return "\n".join(self._text(0).splitlines()[-_LINES:])

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def _text(self, start: int) -> str:
        """Return what is in the file from *start* on, but not more than the tail."""
        try:
            with self.path.open("rb") as stream:
                stream.seek(max(start, self._size() - _TAIL))
                return stream.read(_TAIL).decode(errors="replace")
        except OSError:
            return ""


def _failure(text: str) -> Failure | None:
    found = list(_FAILURE.finditer(text))
    if not found:
        return None
    last = found[-1]
    same = [each for each in found if each[0] == last[0]]
    lasting = int(last["code"] or 0) in _LASTING and len(same) >= _OFTEN
    return Failure(last["message"], last["tip"] or last["line"] or "", lasting)
