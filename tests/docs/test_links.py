"""Links between the documents lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: Text, then where it leads; a title or blanks would be something else.
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def documents() -> list[Path]:
    """Return every document that is ours to link from."""
    return sorted(
        [
            *ROOT.glob("*.md"),
            *ROOT.glob("docs/**/*.md"),
            *ROOT.glob("src/*/README.md"),
            *ROOT.glob("examples/**/README.md"),
        ]
    )


@pytest.mark.parametrize(
    "path", documents(), ids=lambda path: str(path.relative_to(ROOT))
)
def test_relative_links_resolve(page, path):
    """Each link leads to a file, and its anchor to a heading of that file."""
    for link in _LINK.findall(page(path).prose):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in page(target).anchors(), link


def test_every_page_can_be_found():
    """Each page below docs/ is linked from the start page."""
    start = ROOT / "docs" / "index.md"
    linked = {
        (start.parent / link.partition("#")[0]).resolve()
        for link in _LINK.findall(start.read_text())
    }
    pages = {path for path in ROOT.glob("docs/**/*.md") if path != start}
    assert pages <= linked


def test_the_words_are_those_of_the_project():
    """Nobody migrates, deploys or makes generations here."""
    words = r"\b(migrat\w+|deployments?|generations?)\b"
    banned = re.compile(words, re.IGNORECASE)
    for path in (*ROOT.glob("docs/**/*.md"), ROOT / "README.md"):
        found = banned.search(path.read_text())
        assert not found, f"{path.relative_to(ROOT)}: {found}"


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("src/*/README.md")), ids=lambda path: path.parent.name
)
def test_the_text_of_a_registrys_page_leads_nowhere_else(page, path):
    """A package's README has no relative link; each page that it names is there."""
    text = page(path).text
    assert not [link for link in _LINK.findall(text) if not re.match(r"[a-z]+:", link)]
    named = re.findall(r"`((?:tutorial|how-to|reference|explanation)/\S*)`", text)
    assert named
    for name in named:
        assert (ROOT / "docs" / name).exists(), name
