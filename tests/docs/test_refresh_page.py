"""The page of ``refresh-staging`` has everything, and nothing else."""

from __future__ import annotations

import re

import pytest

from karl.recipe.evolve.upgrade import model, refreshing
from karl.recipe.evolve.upgrade.phases import STEPS

PAGE = "docs/reference/refresh-staging.md"


@pytest.fixture(scope="module")
def text(page):
    """What the page says."""
    return page(PAGE).text


def test_every_option_is_documented_and_no_other(text):
    """The table names exactly the options of the command."""
    rows = [line for line in text.splitlines() if line.startswith("| `-")]
    told = {name for row in rows for name in re.findall(r"`(--?[a-z-]+)", row)}
    parser = refreshing.build_parser()
    known = {name for action in parser._actions for name in action.option_strings}
    assert told == known


def test_every_step_is_documented_in_its_order(page):
    """The table has the steps, and which of them can be undone."""
    rows = re.findall(
        r"^\| (`[a-z`, -]+`) \|.*?\| (.*?) ?\|$",
        page(PAGE).section("Steps"),
        re.MULTILINE,
    )
    steps = [name for cell, _ in rows for name in re.findall("`([a-z-]+)`", cell)]
    assert steps == [step.name for step in STEPS[model.REFRESH]]


def test_what_a_command_finds_is_documented(page):
    """The environment of a command that scrubs is on the page."""
    told = page(PAGE).section("What scrubs")
    assert all(f"`{name}`" in told for name in ("SITE", "COPY", "ZODB_CONF", "PYTHON"))
