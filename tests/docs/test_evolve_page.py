"""The page of ``evolve`` has everything, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from karl.recipe.evolve.declaration.model import Address, Serving, SiteDeclaration
from karl.recipe.evolve.upgrade import command, model, report, sitereport
from karl.recipe.evolve.upgrade.history import Attempt, Run
from karl.recipe.evolve.upgrade.model import Request
from karl.recipe.evolve.upgrade.phases import STEPS
from karl.recipe.evolve.upgrade.places import RunPlaces
from karl.recipe.evolve.upgrade.programs import Programs
from karl.recipe.release.base import errors
from karl.recipe.release.base.command import INTERRUPTED
from karl.recipe.release.base.reporter import SilentReporter
from manuals.schemas import schemas

PAGE = "docs/reference/evolve.md"


@pytest.fixture(scope="module")
def text(page):
    """What the page says."""
    return page(PAGE).text


def section(text, title):
    """Return a section of the page."""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_option_is_documented_and_no_other(text):
    """The tables name exactly the options of the command."""
    found = set(re.findall(r"--[a-z][a-z-]*", section(text, "What is asked for")))
    parser = command.build_parser()
    known = {
        name
        for action in parser._actions
        for name in action.option_strings
        if name.startswith("--")
    }
    assert found == known


def test_every_step_is_documented_in_its_order(text):
    """The table has the steps of an upgrade, and which of them can be undone."""
    rows = re.findall(
        r"^\| (`[a-z`, -]+`) \|.*?\| (.*?) ?\|$",
        section(text, "The steps of an upgrade"),
        re.MULTILINE,
    )
    steps = [name for cell, _ in rows for name in re.findall("`([a-z-]+)`", cell)]
    assert steps == [step.name for step in STEPS[model.UPGRADE]]
    undone = {cell.strip("`") for cell, undo in rows if undo}
    known = {step.name for step in STEPS[model.UPGRADE] if step.undo}
    assert undone == known - {"normal"}
    for step in STEPS[model.ROLLBACK]:
        assert f"`{step.name}`" in text or step.name.endswith("rollback")


def test_every_exit_code_is_documented(text):
    """The table has the codes of all errors."""
    rows = re.findall(r"^\| (\d+) \|", section(text, "Exit codes"), re.MULTILINE)
    codes = {
        each.exit_code
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.KarlError)
    }
    assert set(map(int, rows)) == {0, INTERRUPTED, *codes}


def test_the_schema_has_the_names_that_there_are():
    """The JSON schema names the kinds of runs, and the steps with their phases."""
    known = schemas()["evolve"].content["$defs"]
    steps = [step for each in STEPS.values() for step in each]
    for name, found in (
        ("kind", set(STEPS)),
        ("step_name", {step.name for step in steps}),
        ("phase", {step.phase for step in steps}),
    ):
        assert set(known[name]["enum"]) == found, name


def test_every_key_is_documented(text):
    """Programs find what is told to them."""
    told = set(re.findall(r"`([a-z_]+)`", section(text, "JSON")))
    run = Run(
        RunPlaces(Path("1")),
        model.UPGRADE,
        Request("1.1"),
        "",
        0.0,
        {"release_from": "1.0", "version": "1.1"},
        attempts={"mode": Attempt(0.0, 1.0)},
    )
    data = report.data(run)
    keys = {*data, *data["from"], *data["steps"][0], "report", "exit"}
    assert keys <= told


def test_every_key_of_the_report_is_documented(text, tmp_path):
    """Programs find what ``evolve report`` tells them of a site."""
    declared = SiteDeclaration(
        root=str(tmp_path),
        name="acme-prod",
        storage="acme-prod",
        zeo_command=("/no/such/zeoctl",),
        serving=Serving(Address(path="/no/such/socket")),
    )
    found = sitereport.written(Programs(declared, SilentReporter()), None)
    told = set(re.findall(r"`([a-z_]+)`", section(text, "JSON")))
    assert {*found, *found["storage"], *found["glance"]} <= told
    assert set(found["attention"][0]) <= told
