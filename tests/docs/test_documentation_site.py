"""bin/docs makes a site of the pages, or tells what is wrong with them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from toolchain.programs import rendered

START = """\
# Start

## First part

- [One](one.md), [the README](../README.md)
- [Package](../src/thing/README.md#use)

## Second part

Again [one](one.md).
"""


def make(root: Path) -> subprocess.CompletedProcess[str]:
    """Run bin/docs in a folder that has a checkout's shape."""
    command = root / "bin" / "docs"
    command.parent.mkdir(exist_ok=True)
    command.write_text(rendered(root)["docs"])
    command.chmod(0o755)
    if not (root / ".venv").exists():
        (root / ".venv").symlink_to(sys.prefix)
    return subprocess.run([command], capture_output=True, text=True, check=False)


@pytest.fixture
def small(tmp_path, checkout) -> Path:
    """A folder with few pages, and the checkout's way to make a site of them."""
    root = tmp_path.resolve()
    for name in ("docs", "src/thing/src", "sites/release"):
        (root / name).mkdir(parents=True)
    for name in ("start", "style"):
        shutil.copytree(checkout / "docs" / name, root / "docs" / name)
    shutil.copy(checkout / "docs/conf.py", root / "docs")
    (root / "docs/index.md").write_text(START)
    (root / "docs/one.md").write_text("# Page one\n")
    (root / "README.md").write_text("# The whole\n\n[One](docs/one.md)\n")
    (root / "src/thing/README.md").write_text("# The thing\n\n## Use\n")
    # What is no document of ours is not looked at.
    (root / "sites/release/README.md").write_text("# Strange\n\n[x](gone.md)\n")
    (root / "src/thing/src/README.md").write_text("# Strange\n\n[x](gone.md)\n")
    return root


def test_the_lists_of_links_are_the_contents(small):
    """A section is a part of the contents, with the pages that it links first."""
    done = make(small)
    assert done.returncode == 0, done.stderr
    start = (small / "docs/_build/site/docs/index.html").read_text()
    assert done.stdout == f"{small}/docs/_build/site/index.html\n"
    # The tree at the side has each page's title, below its section's.
    parts = re.findall(r'class="caption-text">([^<]+)<', start)
    entries = re.findall(r'class="toctree-l1"><a[^>]*>([^<]+)<', start)
    assert set(parts) == {"First part"}
    assert entries[:3] == ["Page one", "The whole", "The thing"]
    assert (small / "docs/_build/site/index.html").is_file()
    assert not (small / "docs/_build/site/sites").exists()


def test_what_is_wrong_with_a_page_is_an_error(small):
    """A page that nobody finds, or a link to nowhere, fails the making of the site."""
    (small / "docs/two.md").write_text("# Two\n")
    wrong = "# One\n\n[a](gone.md), [b](index.md#no)\n\n![c](no.svg)\n"
    (small / "docs/one.md").write_text(wrong)
    done = make(small)
    assert done.returncode != 0
    assert not done.stdout
    for told in (
        "two.md: WARNING: document isn't included",
        "target not found: 'gone.md'",
        "local id not found in doc 'docs/index': 'no'",
        "image file not readable: docs/no.svg",
    ):
        assert told in done.stderr


class Links(HTMLParser):
    """Collects what a page refers to, what it loads, and its anchors."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if value := values.get("id"):
            self.anchors.add(value)
        if value := values.get("href"):
            (self.loaded if tag == "link" else self.links).add(value)
        if value := values.get("src"):
            self.loaded.add(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory, checkout) -> Path:
    """The site of the checkout's documents."""
    root = tmp_path_factory.mktemp("docs").resolve()
    ignored = shutil.ignore_patterns("_build")
    shutil.copytree(checkout / "docs", root / "docs", ignore=ignored)
    schemas = ("src/*/src/karl/recipe/*/schemas/*.json", "tour/schemas/*.json")
    for pattern in ("*.md", "LICENSE", "src/*/*.md", *schemas):
        for path in checkout.glob(pattern):
            copy = root / path.relative_to(checkout)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    done = make(root)
    assert done.returncode == 0, done.stderr
    return root / "docs/_build/site"


@pytest.mark.slow
def test_the_site_is_made_and_whole(site, checkout):
    """There is no warning, every page is there, and its links lead to a page of it."""
    pages = {path: Links(path) for path in site.rglob("*.html")}
    for document in (*checkout.glob("docs/**/*.md"), checkout / "README.md"):
        name = document.relative_to(checkout).with_suffix(".html")
        assert site / name in pages
    for path, page in pages.items():
        for link in page.links | page.loaded:
            if re.match(r"[a-z]+:", link):
                continue
            name, _, anchor = link.partition("#")
            target = (path.parent / name.partition("?")[0]).resolve() if name else path
            assert target.exists(), (path, link)
            if anchor and target in pages:
                assert anchor in pages[target].anchors, (path, link)


@pytest.mark.slow
def test_the_site_loads_nothing_from_elsewhere(site):
    """A page takes style, scripts and pictures from the site itself."""
    for path in site.rglob("*.html"):
        for address in Links(path).loaded:
            assert not re.match(r"(https?:)?//", address), (path, address)
    for path in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", path.read_text()), path
