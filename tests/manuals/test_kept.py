"""The man pages and the completion that are kept are those of the commands."""

from __future__ import annotations

import argparse
import re
import subprocess
from collections.abc import Iterator

import pytest

from karl.recipe.release.base import manuals as kept
from karl.recipe.release.base.layout import ShareLayout
from manuals.commands import MANUALS, Manual

each = pytest.mark.parametrize("manual", MANUALS, ids=lambda manual: manual.name)


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser and those of its verbs."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from parsers(verb)


def test_nothing_is_kept_that_no_command_has():
    """Each file is one of a command's; python -m manuals leaves none behind."""
    files = {path for manual in MANUALS for path in manual.files()}
    folders = {manual.folder for manual in MANUALS}
    assert {path for folder in folders for path in folder.iterdir()} == files


@each
def test_what_is_kept_is_what_the_parser_gives(manual: Manual):
    """After a change of a command, .venv/bin/python -m manuals writes them again."""
    for path, text in manual.files().items():
        assert path.read_text() == text, f"run: .venv/bin/python -m manuals ({path})"


@each
def test_every_option_is_in_the_page_and_in_both_completions(manual: Manual):
    """A person finds each option of each verb, wherever they look for it."""
    options = {
        name
        for parser in parsers(manual.parser())
        for action in parser._actions
        if action.help != argparse.SUPPRESS
        for name in action.option_strings
    }
    page, bash, zsh = (text for text in manual.files().values())
    page = page.replace("\\-", "-")
    words = set(re.split(r'[\s"]+', bash))
    for name in options:
        assert f"\\fB{name}\\fR" in page
        assert name in words
        assert re.search(rf"[)*]{name}\[", zsh)


@each
def test_man_has_nothing_to_warn_of(manual: Manual):
    """The page is one that man shows whole, without a warning."""
    # What man calls; a small container has a man that shows nothing.
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", "-P-c"],
        input=next(iter(manual.files().values())),
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not done.stderr
    assert manual.name in done.stdout
    assert "--help" in re.sub(".\b", "", done.stdout)


def test_each_has_a_place_beside_the_commands(tmp_path):
    """They get to where man and bash-completion look, beside the folder of PATH."""
    for manual in MANUALS:
        share = ShareLayout(tmp_path / "share")
        texts = kept.texts(manual.folder.parent, share, [manual.name])
        assert sorted(path.relative_to(tmp_path).as_posix() for path in texts) == [
            f"share/bash-completion/completions/{manual.name}",
            f"share/man/man1/{manual.name}.1",
            f"share/zsh/site-functions/_{manual.name}",
        ]
        assert set(texts) == set(kept.places(share, manual.name))


def test_man_finds_the_page_of_a_command_in_the_path(tmp_path):
    """Whoever has a site's folder of commands in PATH needs to set nothing more."""
    (tmp_path / "bin").mkdir()
    page = ShareLayout(tmp_path / "share").page("evolve")
    page.parent.mkdir(parents=True)
    done = subprocess.run(
        ["manpath", "--quiet"],
        env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert str(page.parents[1]) in done.stdout.strip().split(":")
