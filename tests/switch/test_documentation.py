from __future__ import annotations

import re

import pytest
from support.schemas import validated

from karl.recipe.release.base import errors
from karl.recipe.release.sites import hooks, sitestate
from karl.recipe.release.sites.siteconfig import SiteConfig
from karl.recipe.release.sites.switchoptions import build_parser
from manuals.schemas import describing


@pytest.fixture(scope="module")
def page(checkout) -> str:
    """The reference page of switch-version."""
    return (checkout / "docs" / "reference" / "switch-version.md").read_text()


def test_every_option_is_documented_and_no_other(page):
    """The page's tables name exactly the options that the command has."""
    real = {
        option
        for action in build_parser(None)._actions
        for option in action.option_strings
    }
    rows = [line for line in page.splitlines() if line.startswith("| `-")]
    told = {
        name for row in rows for name in re.findall(r"`(--?[a-z-]+)", row.split("|")[1])
    }
    assert told == real


def test_every_exit_code_is_documented(page):
    """Each error that the command can raise has its row, and --help has them too."""
    rows = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    kinds = (
        errors.KarlError, errors.UsageError, errors.RefusedError,
        errors.DamagedError, errors.BusyError, errors.UnfinishedError,
        errors.PrerequisiteError,
    )  # fmt: skip
    assert rows == {0, 130, *(kind.exit_code for kind in kinds)}
    help_text = build_parser(None).format_help()
    for code in rows:
        assert re.search(rf"\b{code} [a-z]", help_text)


def test_every_variable_of_the_hooks_is_documented(site, to, page):
    """What a command finds in its environment is in the table."""
    to("1.0")
    live = sitestate.observe(site).revisions[1]
    env = hooks.environment(site, SiteConfig("acme-prod"), "switch", live, None)
    ours = {name for name in env if name.startswith("KARL_")}
    assert set(re.findall(r"`(KARL_\w+)`", page)) == ours


@pytest.mark.parametrize(
    "words",
    [
        ["1.0", "--dry-run"], ["1.0"], ["--list"], ["--verify", "--all"], ["--prune"],
        ["--pin", "1", "--dry-run"], ["--unpin", "1"], ["--discard", "2"], ["9.9"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_a_program_reads_is_as_its_schema_says(run, page, words):
    """Each form of an answer is described, and the page leads to that."""
    run("1.0", "--no-hooks")
    (found,) = validated("switch-version", words, run(*words, "--json")[1])
    name = "errors" if "error" in found else describing("switch-version", words).name
    section = page.split("## JSON")[1].split("## Files")[0]
    assert f"(json.md#{name.replace('.', '-')})" in section


def test_every_file_is_documented(site, run, page):
    """Each file that a site has by its command is in the table."""
    run("1.0")
    run("--pin", "1")
    table = page.split("## Files")[1]
    names = {
        "lib/<digest>/" if name.startswith("lib/") else
        "releases/<version>/" if name.startswith("releases/") else
        name.replace("revisions/1", "revisions/<n>")
        for name in (
            str(path.relative_to(site.root))
            for path in site.root.rglob("*")
            if path.is_symlink() or path.is_file()
        )
    }  # fmt: skip
    assert "current" in names
    for name in names:
        assert f"`{name}`" in table, name
