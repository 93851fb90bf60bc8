"""The page of ``rollout`` has everything, and nothing else."""

from __future__ import annotations

import re

import pytest

from karl.recipe.evolve.rollout import command, options, steps
from karl.recipe.release.base import errors
from karl.recipe.release.base.command import INTERRUPTED

PAGE = "docs/reference/rollout.md"

#: What the page says where the code's default is no text.
TOLD = {
    "root": "must be given",
    "source": "must be given",
    "index": "must be given",
    "folder": "the repository",
    "extends": "what the index before extends",
    "registry": "as pip says",
    "base": "the folder above that of the buildout",
    "pool": "`pool` in the checkout",
    "indexes": "`indexes` in the checkout",
    "buildout": "`buildouts/<site>.cfg`",
    "remote-root": "`sites/<site>` in that checkout",
}


@pytest.fixture(scope="module")
def rows(page):
    """Default, meaning and example of each option."""
    text = page(PAGE).section("The recipe")
    found = re.findall(r"^\| `([a-z-]+)` \|(.+)\|$", text, re.MULTILINE)
    assert len(found) == len(dict(found)), "an option has two rows"
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in found}


def test_every_option_of_the_recipe(rows):
    """The table names exactly the options of the part, with their defaults."""
    assert set(rows) == set(options.DEFAULTS)
    for name, (told, meaning, example) in rows.items():
        real = options.DEFAULTS[name]
        assert told == (f"`{real}`" if real else TOLD.get(name, "none")), name
        assert meaning
        assert example


def test_the_examples_can_be(rows):
    """The recipe reads each example, and all of them together."""
    given = {name: cells[2].strip("`") for name, cells in rows.items()}
    found = options.read({"buildout": {"directory": "/checkout/x"}}, "rollout", given)
    assert found.remote_root == "/srv/acme-prod"


def test_every_option_of_the_command(page):
    """The table names exactly the options of the command."""
    text = page(PAGE).section("What is asked for")
    real = {
        name for each in command.build_parser()._actions for name in each.option_strings
    }
    assert set(re.findall(r"`(--?[a-z-]+)", text)) == real


def test_every_step(page):
    """The table has the steps in their order."""
    text = page(PAGE).section("The steps")
    assert re.findall(r"^\| `([a-z]+)` \|", text, re.MULTILINE) == list(steps.NAMES)


def test_every_exit_code(page):
    """The table has the codes of all errors."""
    rows = re.findall(r"^\| (\d+) \|", page(PAGE).section("Exit codes"), re.MULTILINE)
    codes = {
        each.exit_code
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.KarlError)
    }
    assert set(map(int, rows)) == {0, INTERRUPTED, *codes}
