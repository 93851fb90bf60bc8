"""The pages about evolve steps tell what there is."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from support.evolvesites import content, event, fill, install, run

from karl.recipe.evolve import steps
from karl.recipe.evolve.running.command import parser
from karl.recipe.evolve.steps import Rebuild, Step

ROOT = Path(__file__).parents[3]
HOW_TO = (ROOT / "docs/how-to/write-an-evolve-step.md").read_text()
REFERENCE = (ROOT / "docs/reference/evolve-steps.md").read_text()
WEBSITES = ROOT / "examples/karl.intranet/3.31/src/karl/intranet/websites.py"


@pytest.fixture
def examples():
    """The Python examples of the how-to page."""
    return re.findall(r"```python\n(.*?)```", HOW_TO, re.DOTALL)


@pytest.fixture
def product(tmp_path):
    """A product like the sample one, as far as the examples look at it."""
    place = tmp_path / "packages" / "karl" / "intranet"
    place.mkdir(parents=True)
    shutil.copy(WEBSITES, place)
    (place / "content.py").write_text(
        "class Site:\n"
        "    def __init__(self, site):\n"
        "        self.people = site.notes\n"
        "        self.catalog = site.catalog\n"
        "    def __getitem__(self, name):\n"
        "        return getattr(self, name)\n"
        "def site_of(root):\n"
        '    return Site(root["site"])\n'
    )
    return tmp_path / "packages"


def test_the_example_is_a_step(product, examples, tmp_path):
    """The first example, as it stands, evolves a site."""
    install(product, "acme", {"__init__": "VERSION = 1", "evolve1": examples[0]})
    data = fill(tmp_path / "Data.fs", 50)
    result = run(product, "--data", data, "--evolve", "--json")
    assert result.returncode == 0, result.stdout
    assert event(result, "step_end")["changed"] == 33
    assert event(result, "plan")["steps"][0]["title"] == (
        "Websites in profiles get a scheme"
    )
    values = content(data)["indexes"]["website"]["values"].values()
    assert all(value.startswith("https://") for value in values)


def test_all_examples_can_be_read(examples):
    """Every other example is Python, and imports what there is."""
    for text in examples:
        compile(text, "example", "exec")
        for names in re.findall(r"from karl.recipe.evolve.steps import (.*)", text):
            assert set(names.split(", ")) <= set(steps.__all__)


def test_the_reference_names_everything():
    """Every attribute, method, function, option and exit code is on the page."""
    members = {*vars(Step), "index", "new_index"}
    for name in sorted(n for n in members if not n.startswith("_")):
        assert re.search(rf"`{name}[`(]", REFERENCE), name
    assert issubclass(Rebuild, Step)
    for name in steps.__all__:
        assert name in REFERENCE or name in {"EvolveError", "StepError"}
    for action in parser()._actions:
        for option in action.option_strings:
            assert option in {"-h", "--help"} or f"`{option}" in REFERENCE, option
    codes = re.findall(r"(\d) ", parser().epilog.replace("\n", " "))
    for code in codes:
        assert f"| {code} |" in REFERENCE
