"""The package's README has every option of both recipes, and no other."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from karl.recipe.release import indexrecipe, recipe

PACKAGE = "src/karl.recipe.release/README.md"
RELEASE = "The release: `karl.recipe.release`"
INDEX = "The index: `karl.recipe.release:index`"

#: zc.recipe.egg's own options; the table of refused ones is apart.
REFUSED = "Options of zc.recipe.egg that are refused:"


@pytest.fixture(scope="module")
def rows(page):
    """Name, default, meaning and example of each option of a recipe."""

    def read(title: str) -> dict[str, list[str]]:
        text = page(PACKAGE).section(title).partition(REFUSED)[0]
        found = re.findall(r"^\| `([a-z-]+)` \|(.+)\|$", text, re.MULTILINE)
        assert len(found) == len(dict(found)), "an option has two rows"
        return {
            name: [cell.strip() for cell in rest.split("|")] for name, rest in found
        }

    return read


@pytest.mark.parametrize(
    ("title", "module"), [(RELEASE, recipe), (INDEX, indexrecipe)], ids=str
)
def test_every_option_is_documented_and_no_other(rows, title, module):
    """The tables name exactly the options that the recipe reads, with examples."""
    found = rows(title)
    assert set(found) == set(module.DEFAULTS)
    for name, cells in found.items():
        assert len(cells) == 3, name
        assert all(cells), f"{name} lacks default, meaning or example"


def test_the_defaults_of_the_release_are_told(rows):
    """What the table calls the default is what the code takes."""
    unset = {"dependent-scripts": "`false`"}
    for name, (default, *_) in rows(RELEASE).items():
        real = recipe.DEFAULTS[name]
        plain = default.strip("`")
        if name in recipe._REQUIRED:
            assert default == "must be given", name
        elif real is None or real == "":
            assert not default.startswith("`") or default == unset.get(name), name
        else:
            assert plain == real, name


def test_the_defaults_of_the_index_are_told(rows):
    """Where there is a default text, the table has it."""
    for name, (default, *_) in rows(INDEX).items():
        real = indexrecipe.DEFAULTS[name]
        if real:
            assert default == f"`{real}`", name


def test_every_refused_option_is_documented(page):
    """Options of zc.recipe.egg that are refused have a row that says why."""
    text = page(PACKAGE).section(RELEASE).partition(REFUSED)[2]
    found = re.findall(r"^\| (`.+?`) \| (.+) \|$", text, re.MULTILINE)
    names = {name for cell, _ in found for name in re.findall(r"`([a-z-]+)`", cell)}
    assert names == set(recipe._REFUSED)


def test_the_whole_buildout_of_the_readme_is_read(page, tmp_path):
    """The example is a configuration that both recipes accept as it is."""
    text = next(b for b in page(PACKAGE).blocks("ini") if "[index]" in b)
    (tmp_path / "buildout.cfg").write_text(text)
    code = (
        "import zc.buildout.buildout as b\n"
        "found = b.Buildout('buildout.cfg', [])\n"
        "for part in found['buildout']['parts'].split(): found[part]\n"
        "print('read')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.endswith("read\n"), done.stdout + done.stderr
