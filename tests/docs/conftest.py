"""What the tests of the documents share: reading Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """A Markdown file."""

    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """The text without its blocks of code."""
        return _FENCE.sub("", self.text)

    def blocks(self, language: str) -> list[str]:
        """Return the blocks of code in *language*."""
        return [code for kind, code in _FENCE.findall(self.text) if kind == language]

    def section(self, title: str) -> str:
        """Return what is below the heading *title*, up to the next of its level."""
        found = re.search(
            rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} |\Z)",
            self.text,
            re.MULTILINE | re.DOTALL,
        )
        assert found, f"{self.path} has no section {title!r}"
        return found[2]

    def anchors(self) -> set[str]:
        """Return what a code host makes of the headings."""
        found = set()
        for title in _HEADING.findall(self.prose):
            plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).lower()
            found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
        return found


def first_cells(text: str) -> list[str]:
    """Return the first cell of each row of the tables in *text*, without heads."""
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    return [row.split("|")[1].strip() for row in rows if "---" not in row]


def named(cells: list[str]) -> set[str]:
    """Return what stands as code in *cells*."""
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


@pytest.fixture(scope="session")
def page():
    """Read a page by its path in the checkout."""
    return lambda name: Page(ROOT / name)
