"""The page about setting up a database server names what is really written."""

from __future__ import annotations

import configparser
import re

from karl.recipe.zeoserver.declaration import optionnames, options
from karl.recipe.zeoserver.declaration.model import Account
from karl.recipe.zeoserver.installation import documents

PAGE = "docs/how-to/database-server.md"


def test_the_units_and_files_that_the_page_names_are_written(page, checkout):
    """Each unit, timer and file of configuration is one that the recipe writes."""
    parser = configparser.RawConfigParser()
    parser.read(checkout / "buildouts/zeo-central.cfg")
    part = dict(parser["zeoserver"])
    # Nothing is written there; the paths of sockets must not be long.
    part["root"] = "/srv/karl/zeo-central"
    part["storages"] += " initech-prod"
    names = part["storages"].split()
    buildout = {
        name: dict(parser[name]) if parser.has_section(name) else {} for name in names
    }
    buildout["buildout"] = {"directory": "/srv/karl"}
    central = options.read(buildout, "zeoserver", part)
    written = documents.of(central, Account("karl", "karl"))
    files = {str(path.relative_to(central.places.root)) for path in written}
    text = page(PAGE).text
    units = set(re.findall(r"zeo-central-[\w-]+\.timer", text))
    assert len(units) == 4
    for unit in units:
        assert f"etc/systemd/{unit}" in files
    named = re.findall(r"(?:zeo-central/|`)(etc/[\w/.-]+\w)", text)
    assert len(set(named)) > 2
    for name in set(named):
        assert any(path == name or path.startswith(f"{name}/") for path in files), name
    assert "etc/systemd/zeo-central.service" in files


def test_the_options_that_the_page_names_are_options(page):
    """Each option in the text is one of the part."""
    named = re.findall(r"option `([a-z-]+)`", page(PAGE).text)
    assert named
    assert set(named) <= set(optionnames.PART)
