"""The documents tell what bootstrap.py does."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def page(checkout):
    """The reference page."""
    return (checkout / "docs/reference/bootstrap.md").read_text()


@pytest.fixture(scope="module")
def told(checkout):
    """What --help says."""
    return subprocess.run(
        [sys.executable, checkout / "bootstrap.py", "--help"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_every_option_is_documented(page, told):
    """The page has every option that there is, and no other."""
    options = set(re.findall(r"(?<![\w-])--[a-z]+", told))
    assert set(re.findall(r"^\| `(--[a-z]+)`", page, re.MULTILINE)) == options


def test_every_exit_code_is_documented(page, told):
    """The page and --help give the same meaning to the same exit codes."""
    helped = dict(re.findall(r"^  (\d+)  (.+)$", told, re.MULTILINE))
    written = dict(re.findall(r"^\| (\d+) \| (.+) \|$", page, re.MULTILINE))
    assert {code: text.replace("`", "") for code, text in written.items()} == helped


def test_every_command_and_index_is_documented(page, checkout):
    """The page has every command that is made and every index that is used."""
    for name in ("buildout", "karl-index", "tour", "test", "docs"):
        assert f"`bin/{name}`" in page
    for index in sorted(checkout.glob("indexes/toolchain*/*/pylock.toml")):
        assert f"`{index.parent.relative_to(checkout)}/`" in page


def test_every_test_says_what_it_expects(checkout):
    """Every test has a docstring of one sentence."""
    pattern = re.compile(
        r'^( *)def test_\w+\([^"]*?\)[^"]*?:\n(?! *r?""")', re.MULTILINE
    )
    bare = [
        f"{path.relative_to(checkout)}: {match[0].strip()}"
        for path in sorted(checkout.glob("tests/**/test_*.py"))
        for match in pattern.finditer(path.read_text())
    ]
    assert bare == []
