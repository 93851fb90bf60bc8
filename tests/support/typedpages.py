"""What a page tells to type, and what it shows below it."""

from __future__ import annotations

import re


def blocks(text: str, language: str) -> list[str]:
    """Return the blocks of code of *language* in *text*."""
    fence = rf"^ *```{language}\n(.*?)^ *```$"
    return re.findall(fence, text, re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[tuple[str, list[str]]]:
    """Return each command of a block with the lines that are shown below it."""
    found: list[tuple[str, list[str]]] = []
    for line in re.sub(r"\\\n *", "", block).splitlines():
        if line.strip().startswith("$ "):
            found.append((line.strip()[2:], []))
        elif line.strip():
            found[-1][1].append(line.strip())
    return found


def steps(text: str) -> list[tuple[str, list[str]]]:
    """Return all commands of *text*, of shell and of console, in their order."""
    found: list[tuple[str, list[str]]] = []
    for language, block in re.findall(
        r"^ *```(sh|console)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL
    ):
        if language == "console":
            found += commands(block)
        else:
            lines = re.sub(r"\\\n *", "", block).splitlines()
            found += [(line.strip(), []) for line in lines if line.strip()]
    return found


def plain(line: str) -> str:
    """Return a line without what is different each time: times, sizes, places."""
    line = re.sub(r"\b[0-9a-f]{8,64}…", "#…", line)
    line = re.sub(r"\b[0-9a-f]{16,64}\b", "#", line)
    line = re.sub(r"(/srv/karl/sites|/tmp/z\w+|/dev)/", "/", line)
    return re.sub(r"\s+", " ", re.sub(r"\d[\d.:T-]*", "#", line)).strip()


def check_shown(shown: list[str], printed: str) -> None:
    """Check that lines are among what was printed; an ellipsis stands for anything.

    :raises AssertionError: one is not.
    """
    told = [plain(line) for line in printed.splitlines()]
    for line in shown:
        parts = [re.escape(part.strip()) for part in plain(line).split("…")]
        pattern = re.compile(" ?.*".join(parts))
        assert any(map(pattern.fullmatch, told)), (line, told)
