"""The options of the database server are documented, and no others."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys

import pytest

from karl.recipe.zeoserver.declaration import optionnames, options, schedules

PAGE = "docs/reference/zeoserver-options.md"
REFUSED = "Options that are refused"

#: What the page says where the code's default is no text.
_TOLD = {
    "root": "must be given",
    "storages": "must be given",
    "user": "who runs the buildout",
    "zeo-address": "`run/a.sock` in the storage's folder",
    "zeo-address-b": "`run/b.sock` in the storage's folder",
    "zeo-log-custom": "`log/zeo-a.log`, `zeo-b.log`",
    "backups": "`backups` in the storage's folder",
    "scratch": "the storage's folder",
    "client-folder": "`../<storage>/var/cache`, beside the root",
    "client-host": "the address's",
    "client-ssl-server-hostname": "the host of the address",
}


@pytest.fixture(scope="module")
def rows(page):
    """Default, meaning and example of each option."""
    text = page(PAGE).text.partition(f"## {REFUSED}")[0]
    found = re.findall(r"^\| `([a-z-]+)` \|(.+)\|$", text, re.MULTILINE)
    assert len(found) == len(dict(found)), "an option has two rows"
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in found}


def test_every_option_is_documented_and_no_other(rows):
    """The tables name exactly the options of the part, with examples."""
    assert set(rows) == set(optionnames.PART)
    for name, cells in rows.items():
        assert len(cells) == 3, name
        assert all(cells), f"{name} lacks default, meaning or example"


def test_the_defaults_are_told(rows):
    """What the table calls the default is what the code takes."""
    for name, (told, *_) in rows.items():
        real = optionnames.PART[name]
        expected = f"`{real}`" if real else _TOLD.get(name, "none")
        assert told == expected, name


def test_options_of_the_part_alone_have_their_own_table(page):
    """What a storage's section cannot have stands apart."""
    text = page(PAGE).section("Of the part alone")
    found = re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)
    assert set(found) == set(optionnames.CENTRAL)


def test_every_refused_option_is_documented(page):
    """Options of plone.recipe.zeoserver that are refused have a row that says why."""
    text = page(PAGE).section(REFUSED)
    found = re.findall(r"^\| (`.+?`) \| (.+) \|$", text, re.MULTILINE)
    told = {
        name: reason
        for cell, reason in found
        for name in re.findall(r"`([a-z-]+)`", cell)
    }
    assert set(told) == set(optionnames.REFUSED)
    for name, reason in told.items():
        plain = reason.replace("`", "").rstrip(".").lower()
        assert plain == optionnames.REFUSED[name].lower(), name


def test_the_example_is_what_the_recipe_reads(page, tmp_path):
    """The storages of the example have the options that the text says."""
    parser = configparser.RawConfigParser()
    parser.read_string(page(PAGE).blocks("ini")[0])
    buildout = {name: dict(parser[name]) for name in parser.sections()}
    buildout["buildout"] = {"directory": str(tmp_path)}
    found = options.read(buildout, "zeoserver", buildout["zeoserver"])
    assert {name: each.keep for name, each in found.storages.items()} == {
        "acme-prod": 8,
        "globex-prod": 2,
    }
    assert found.storages["acme-prod"].repository == "/backup/acme-prod"
    assert str(found.storages["globex-prod"].addresses["b"]) == "127.0.0.1:8111"


def test_the_examples_of_times_are_read(rows, page):
    """Every time that the page shows is one that the option takes."""
    for name in ("backup-at", "verify-at", "pack-at"):
        schedules.parse(rows[name][2].strip("`"))
    told = page(PAGE).section("Packing").rpartition("Times are ")[2]
    forms = re.findall(r"`([^`]+)`", told)
    assert len(forms) == 5
    for form in forms:
        schedules.parse(form.replace("HH", "01").replace("MM", "30"))


def test_the_whole_buildout_of_the_readme_is_read(page, tmp_path):
    """The example is a configuration that all its recipes accept as it is."""
    text = page("src/karl.recipe.zeoserver/README.md").blocks("ini")[0]
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
