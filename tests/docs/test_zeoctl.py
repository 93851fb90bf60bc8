"""The page of zeoctl has every verb, option, status and exit code."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.zeoservers import Box, fill

from karl.recipe.release.base import errors
from karl.recipe.zeoserver.commands import forced, zeoctl
from karl.recipe.zeoserver.commands.verb import Verb
from karl.recipe.zeoserver.databases.state import CopyState, Status
from karl.recipe.zeoserver.operations import rules

PAGE = "docs/reference/zeoctl.md"
SHARED = "Options of every verb"
CHANGING = "Options of verbs that change something"
ROOT = Path(__file__).parents[2]


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each verb."""
    action = next(a for a in zeoctl.build_parser()._actions if a.choices)
    return dict(action.choices)


def sections(text: str) -> dict[str, str]:
    """Return what the page says of each verb."""
    found = re.findall(
        r"^### ([a-z-]+)\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert len(found) == len(dict(found)), "a verb has two sections"
    return dict(found)


def options_in(text: str) -> set[str]:
    """Return the options that the first cells of tables name."""
    rows = [line for line in text.splitlines() if line.startswith("| `-")]
    return {
        option
        for row in rows
        for option in re.findall(r"`(--?[a-z-]+)", row.split("|")[1])
    }


def test_every_verb_has_a_section_and_no_other(page):
    """The third-level sections of the page are the verbs."""
    assert set(sections(page(PAGE).text)) == set(zeoctl.VERBS)


@pytest.mark.parametrize("verb", zeoctl.VERBS)
def test_every_option_is_documented_and_no_other(page, verb):
    """A verb's section, with the shared ones, names exactly the options it has."""
    real = {o for a in parsers()[verb]._actions for o in a.option_strings}
    told = options_in(sections(page(PAGE).text)[verb])
    shared = options_in(page(PAGE).section(SHARED))
    changing = options_in(page(PAGE).section(CHANGING))
    assert shared <= real
    assert told <= real
    assert real <= told | shared | changing


def test_the_exit_codes_are_documented(page):
    """The page has each code that an error can map to."""
    found = page(PAGE).section("Exit codes")
    rows = {int(code) for code in re.findall(r"^\| (\d+) \|", found, re.MULTILINE)}
    known = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.KarlError)
    }
    assert rows == {0, 130, *known}


def test_what_a_key_of_ssh_is_good_for_is_documented(page):
    """The table has each verb with its options, and no other."""
    text = page(PAGE).section("Through ssh")
    rows = re.findall(r"^\| `([a-z-]+)` \|(.*)\|$", text, re.MULTILINE)
    told = {verb: set(re.findall("`(--[a-z-]+)`", cell)) for verb, cell in rows}
    assert told == {verb: set(options) for verb, options in forced.VERBS.items()}


def test_every_status_is_documented(page):
    """The table of statuses has each that a copy can have."""
    text = page("docs/explanation/databases.md").section("Copies")
    assert set(re.findall(r"^\| `([a-z]+)` \|", text, re.MULTILINE)) == set(Status)


def test_the_table_of_verbs_and_copies_is_what_holds(page):
    """Each cell of the table says what the rules say."""
    lines = page(PAGE).section("Which verb for which copy").splitlines()
    rows = [re.findall(r"[^|]+", line) for line in lines if line.startswith("|")]
    head = [cell.strip(" `") for cell in rows[0][1:]]
    assert set(head) == set(Status)
    told = {
        row[0].strip(" `"): dict(zip(head, (c.strip() for c in row[1:]), strict=True))
        for row in rows[2:]
    }
    assert set(told) == set(rules.OF_COPIES)
    for verb, cells in told.items():
        for status, cell in cells.items():
            allowed = rules.OF_COPIES[verb][Status(status)] is None
            assert allowed == (cell == "yes"), (verb, status)


#: What is typed, in this order, and with which exit code it ends.
SESSION = (
    ("init acme-prod --dry-run", 0),
    ("init acme-prod", 0),
    ("start acme-prod", 0),
    ("restart acme-prod", 0),
    ("backup acme-prod --dry-run", 0),
    ("backup acme-prod", 0),
    ("backups", 0),
    ("verify-backup acme-prod --drill", 0),
    ("status --copies", 0),
    ("report", 0),
    ("logs acme-prod", 0),
    ("read-only acme-prod", 0),
    ("writable acme-prod", 0),
    ("restore acme-prod --to-new-copy", 0),
    ("stage acme-prod", 0),
    ("catch-up acme-prod 3", 0),
    ("retire acme-prod 3", 0),
    ("prune acme-prod --keep 0", 0),
    ("serve acme-prod 2", 0),
    ("client-conf acme-prod", 0),
    ("unserve acme-prod 1", 3),
    ("adopt acme-prod 2", 0),
    ("unserve acme-prod 1", 0),
    ("import acme-prod --new-copy --data {data} --blobs {blobs}", 0),
    ("pack acme-prod --dry-run", 0),
    ("pack acme-prod", 0),
    ("certificate authority", 0),
    ("certificate server db.example.org", 0),
    ("certificate list", 0),
    ("stop acme-prod", 0),
)


@pytest.fixture(scope="module")
def left() -> Iterator[list[str]]:
    """Give the files that a session of all verbs leaves, by their path in the root."""
    box = Box("acme-prod")
    copy = box.storage_places("acme-prod").copy(1)
    found: list[str] = []
    try:
        for line, code in SESSION:
            words = line.format(data=copy.data, blobs=copy.blobs).split()
            box.zeoctl(*words, code=code)
            if words == ["start", "acme-prod"]:
                with box.client("acme-prod") as db:
                    fill(db, 5, blobs=1)
            if words[0] == "pack":
                found += [
                    str(each.relative_to(box.root)) for each in box.root.rglob("*")
                ]
        yield found
    finally:
        box.end()


#: How paths below the root become what the page calls them; the first that fits
#: counts, and None is none of the server's.
_KINDS = (
    (r"client(/.*)?", None),
    (r"(.*/)?[^/.]+", None),  # A folder; what is in it counts.
    (r"etc/programs", None),
    (r"etc/programs/.*", "etc/programs/<storage>-<side>.conf"),
    (r"etc/zeo/.*", "etc/zeo/<storage>-<side>.conf"),
    (r"etc/tls/.*", "etc/tls/"),
    (r"acme-prod/backups/[-0-9]+/blobs/.*", "<chain>/blobs/"),
    (r"acme-prod/backups/([-0-9]+)/\1(\.fs|\.dat)", r"<chain>/<chain>\2"),
    (r"acme-prod/backups/[-0-9]+/[-0-9]+(\..*)", r"<chain>/<stamp>\1"),
    (r"acme-prod/backups/(.*)", r"\1"),
    (r"acme-prod/databases/\d+/blobs/.*", "databases/<n>/blobs/"),
    (r"acme-prod/databases/\d+/blobs\.old/.*", "blobs.old/"),
    (r"acme-prod/databases/\d+/(.*)", r"databases/<n>/\1"),
    (r"acme-prod/(.*)", r"\1"),
    (r"(.*)", r"\1"),
)


def kind(path: str) -> str | None:
    """Return what the page calls a file."""
    for pattern, name in _KINDS:
        found = re.fullmatch(pattern, path)
        if found:
            return None if name is None else found.expand(name)
    return None


@pytest.mark.slow
def test_every_file_is_documented(left, page):
    """Each kind of file that a session leaves has its row on the page."""
    text = page("docs/reference/files-on-disk.md").text
    kinds = {kind(path) for path in left} - {None}
    assert len(kinds) > 20
    for name in kinds:
        assert f"`{name}" in text, name


def test_every_field_of_a_copy_is_documented(page):
    """What is known of a copy is explained, not only shown."""
    text = page("docs/reference/files-on-disk.md").section("A storage")
    for name in CopyState.__dataclass_fields__:
        assert f"`{name}`" in text or f'"{name}"' in text, name


def test_every_command_of_the_pages_is_one(page):
    """Each zeoctl line of a page, in whatever block, is understood by its parser."""
    parser = zeoctl.build_parser()
    pattern = re.compile(
        r"(?:^|\$ |`)(?:\S*bin/)?zeoctl ([a-z][^\n`|>]*)", re.MULTILINE
    )
    seen = 0
    for path in sorted(ROOT.glob("docs/**/*.md")):
        if path.name in {"zeoctl.md", "benchmarks.md"}:
            continue
        for line in pattern.findall(page(path).text):
            words = re.sub(r"\bN\b", "1", line.replace("…", " ")).split()
            if len(words) > 1 or words[0] == "status":
                parser.parse_args(words)
                seen += 1
            assert words[0] in zeoctl.VERBS, (path, line)
    assert seen > 50


def test_every_verb_that_changes_something_tells_of_being_killed(page):
    """The sections of verbs that change a storage say what a kill leaves."""
    for verb, text in sections(page(PAGE).text).items():
        found = zeoctl.find(verb)
        if isinstance(found, Verb) and found.changes:
            assert "Killed: " in text, verb
