"""The pages of the commands have every option, exit code and key of JSON."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest
from support.registries import public_registry
from support.wheels import make_wheel

from karl.recipe.release.base import errors
from karl.recipe.release.indexes import cli
from manuals.commands import MANUALS
from manuals.schemas import schemas

COMMAND = Path(sysconfig.get_path("scripts")) / "karl-index"
PAGE = "docs/reference/karl-index.md"
SHARED = "Options of every verb"


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each verb."""
    action = next(a for a in cli.parser()._actions if a.choices)
    return dict(action.choices)


def options_in(text: str) -> set[str]:
    """Return the options that the first cells of tables name."""
    rows = [line for line in text.splitlines() if line.startswith("| `-")]
    return {
        option
        for row in rows
        for option in re.findall(r"`(--?[a-z-]+)", row.split("|")[1])
    }


@pytest.mark.parametrize("verb", sorted(parsers()))
def test_every_option_of_karl_index_is_documented_and_no_other(page, verb):
    """A verb's section, with the shared one, names exactly the options it has."""
    real = {o for a in parsers()[verb]._actions for o in a.option_strings}
    told = options_in(page(PAGE).section(verb))
    shared = options_in(page(PAGE).section(SHARED))
    assert told | shared == real
    assert not told & shared


def test_every_verb_of_karl_index_has_a_section_and_no_other(page):
    """The sections before the exit codes are the verbs."""
    titles = re.findall(r"^## ([a-z]+)$", page(PAGE).text, re.MULTILINE)
    assert titles == list(parsers())


def test_the_exit_codes_of_karl_index_are_documented(page):
    """The page and --help have each code that an error of karl-index can map to."""
    text = page(PAGE).section("Errors and exit codes")
    rows = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    only_switching = {errors.UnfinishedError.exit_code}
    assert rows == {0, 130, *codes()} - only_switching
    told = re.findall(r"\b(\d+) [a-z]", cli.parser().format_help())
    assert {int(code) for code in told} == rows


def codes() -> dict[int, set[str]]:
    """Return the names of the errors by their exit code."""
    found: dict[int, set[str]] = {}
    todo = [errors.KarlError]
    while todo:
        kind = todo.pop()
        found.setdefault(kind.exit_code, set()).add(kind.__name__)
        todo += [
            below
            for below in kind.__subclasses__()
            if below.__module__ == errors.__name__
        ]
    return found


def test_every_exit_code_and_error_is_documented(page):
    """exit-codes.md has each code with the errors that map to it, and no other."""
    told = {
        int(code): set(re.findall(r"`(\w+Error)`", cell)) - {"OSError"}
        for code, cell in re.findall(
            r"^\| (\d+) \|.*\|([^|]*)\|$",
            page("docs/reference/exit-codes.md").text,
            re.MULTILINE,
        )
    }
    assert told == {0: set(), 130: set(), **codes()}


def test_the_table_of_commands_is_what_their_pages_and_helps_say(page):
    """Each command has the codes that its own page has, and that --help has."""
    text = page("docs/reference/exit-codes.md").text
    (head,) = re.findall(r"^\| command \|(.*)\|$", text, re.MULTILINE)
    codes_of = [int(each) for each in head.split("|")]
    helps = {each.name: each.parser().format_help() for each in MANUALS}
    rows = re.findall(r"^\| \[`([a-z.-]+)`\]\((.+?)\)(.*)$", text, re.MULTILINE)
    # zeoctl-ssh ends as the zeoctl does that it runs.
    others = {"refresh-staging", "tour", "zeoctl-ssh"}
    assert {name for name, _, _ in rows} >= set(helps) - others
    for name, link, cells in rows:
        marks = [cell.strip() for cell in cells.split("|")[1:-1]]
        told = {code for code, mark in zip(codes_of, marks, strict=True) if mark}
        path, _, anchor = link.partition("#")
        title = anchor.replace("-", " ").capitalize()
        own = page(f"docs/reference/{path}").text.partition(f"# {title}\n")[2]
        listed = re.findall(r"^\| (\d+) \|", own.partition("\n#")[0], re.MULTILINE)
        assert {int(code) for code in listed} == told, name
        helped = re.search(r"(?is)exit codes:(.*)", helps.get(name, ""))
        if helped:
            said = re.findall(r"\b(\d+) [a-z]", helped[1])
            assert {int(code) for code in said} == told, name


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A folder with two indexes and something that no index names."""
    folder = tmp_path_factory.mktemp("base")
    with public_registry(tmp_path_factory.mktemp("registry")) as registry:
        for version in ("1.0", "1.1"):
            make_wheel(registry.folder, "one", version)
        make_wheel(registry.folder, "two", "1.0")
        first = ("--require", "one==1.0", "--require", "two")
        shared = ("--registry", registry.url)
        assert run(folder, "freeze", "team/1.0", *first, *shared)["changed"]
        more = ("--extends", "team/1.0", "--override", "one==1.1")
        run(folder, "freeze", "team/1.1", *more, *shared)
    make_wheel(folder / "pool", "left", "1.0")
    return folder


def run(base: Path, *words: str, expect: int = 0) -> dict:
    """Run karl-index and return its JSON."""
    done = subprocess.run(
        [COMMAND, *words, "--json", "--base", base],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == expect, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "words",
    [
        ("freeze", "team/1.1", "--extends", "team/1.0", "--override", "one==1.1"),
        ("freeze", "team/9", "--require", "one", "--dry-run"),
        ("list",),
        ("show", "team/1.1"),
        ("show", "team/1.0", "--requirements"),
        ("diff", "team/1.0", "team/1.1"),
        ("fetch", "team/1.0"),
        ("verify",),
        ("gc",),
    ],
    ids=lambda words: " ".join(words[:1] + words[2:][-1:]),
)
def test_the_json_of_a_verb_is_as_its_schema_says(base, page, words):
    """Each form of an answer is described, and the verb's section leads to that."""
    assert run(base, *words)
    assert f"(json.md#karl-index-{words[0]})" in page(PAGE).section(words[0])


def test_what_verify_may_find_has_its_row(base, page):
    """Each kind of damage is in the table, and the exit code is 4."""
    extra = base / "indexes/team/1.0/simple/one/stray.txt"
    extra.touch()
    found = run(base, "verify", "team/1.0", expect=4)
    extra.unlink()
    assert [p["kind"] for p in found["indexes"]["team/1.0"]] == ["extra"]
    kinds = schemas()["karl-index.verify"].content["$defs"]["difference"]["properties"]
    rows = re.findall(r"^\| `(\w+)` \|", page(PAGE).section("verify"), re.MULTILINE)
    assert rows == kinds["kind"]["enum"]


def test_the_json_of_an_error_is_documented(base, page):
    """An error's object has the keys that the page tells."""
    found = run(base, "show", "team/9", expect=3)
    text = page(PAGE).section("Errors and exit codes")
    for key in ("error", *found["error"]):
        assert f'"{key}"' in text, key
