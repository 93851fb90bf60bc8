"""The pages of a site's command and options have everything, and nothing else."""

from __future__ import annotations

import re

import pytest

from karl.recipe.evolve.declaration import optionnames, options
from karl.recipe.evolve.modes import filter as filters
from karl.recipe.evolve.modes.state import MODES
from karl.recipe.evolve.serving import command
from karl.recipe.release.base import errors

OPTIONS = "docs/reference/evolve-options.md"
COMMAND = "docs/reference/site.md"

#: What the page says where the code's default is no text.
TOLD = {
    "root": "must be given",
    "address": "`var/run/site.sock`",
    "application": "`etc/site.ini`",
    "user": "who runs the buildout",
    "mode-page": "our own page",
    "storage": "the site's name",
    "scrub": "must be said with it",
}


@pytest.fixture(scope="module")
def rows(page):
    """Default, meaning and example of each option."""
    found = re.findall(r"^\| `([a-z-]+)` \|(.+)\|$", page(OPTIONS).text, re.MULTILINE)
    assert len(found) == len(dict(found)), "an option has two rows"
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in found}


def test_every_option_is_documented_and_no_other(rows):
    """The tables name exactly the options of the part, with examples."""
    assert set(rows) == set(optionnames.DEFAULTS)
    for name, cells in rows.items():
        assert len(cells) == 3, name
        assert all(cells), f"{name} lacks default, meaning or example"


def test_the_defaults_are_told(rows):
    """What the table calls the default is what the code takes."""
    for name, (told, *_) in rows.items():
        real = optionnames.DEFAULTS[name]
        expected = f"`{real}`" if real else TOLD.get(name, "none")
        assert told == expected, name


#: An example that holds only together with another option.
WITH = {
    "storage": {"zeo-command": "zeoctl"},
    "refresh-from": {"zeo-command": "zeoctl", "scrub": "none"},
    "scrub": {"zeo-command": "zeoctl", "refresh-from": "acme-live"},
}


def test_the_examples_can_be(rows):
    """The recipe reads each example."""
    for name, cells in rows.items():
        given = {"root": "/srv/acme-prod", **WITH.get(name, {})}
        given[name] = cells[2].strip("`")
        options.read({"buildout": {"directory": "/checkout"}}, "evolve", given)


def test_the_filters_options_are_told(page):
    """Each option of the filter is named."""
    text = page(OPTIONS).section("What is in the release")
    assert all(f"`{name}`" in text for name in filters.OPTIONS)


def verbs():
    """Return the parser of each verb."""
    action = next(a for a in command.build_parser()._actions if a.choices)
    return dict(action.choices)


def test_every_verb_has_a_section_with_its_options(page):
    """The third-level sections are the verbs; each names its options, and no other."""
    text = page(COMMAND).text
    found = dict(
        re.findall(r"^### ([a-z-]+)\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    )
    assert set(found) == set(verbs())
    every = page(COMMAND).section("Verbs").partition("### ")[0]
    shared = set(re.findall(r"`(--?[a-z-]+)`", every))
    for name, parser in verbs().items():
        real = {o for a in parser._actions for o in a.option_strings}
        told = set(re.findall(r"^\| `(--[a-z-]+)", found[name], re.MULTILINE))
        assert told == {o for o in real if o.startswith("--")} - shared, name
        assert real - told <= shared


def test_modes_and_exit_codes_are_told(page):
    """Every mode and every exit code has a row."""
    text = page(COMMAND).text
    assert all(f"| `{mode}` |" in text for mode in MODES)
    codes = {
        kind.exit_code for kind in vars(errors).values() if hasattr(kind, "exit_code")
    }
    told = set(map(int, re.findall(r"^\| ([0-9]+) \|", text, re.MULTILINE)))
    assert told == codes | {0, 130}
