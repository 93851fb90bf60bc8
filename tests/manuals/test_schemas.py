"""The schemas of what commands print as JSON say all of it, and are on their page."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import jsonschema
import pytest
from support.schemas import problems, validated

from manuals import jsonpage
from manuals.commands import MANUALS, Manual
from manuals.rows import anchor, heading
from manuals.schemas import (
    COMMANDS,
    ERROR,
    PREFIX,
    VALUES,
    Schema,
    describing,
    parts,
    referred,
    schemas,
)
from manuals.tree import Command, read

each = pytest.mark.parametrize("schema", schemas().values(), ids=lambda one: one.name)


def answers(command: Command) -> Iterator[tuple[str, ...]]:
    """Yield the words of each verb that has --json; of a command without verbs ()."""
    for verb in command.verbs:
        for words in answers(verb):
            yield verb.name, *words
    if any("--json" in option.names for option in command.options):
        yield ()


#: The commands that have --json.
SPEAKING = [one for one in MANUALS if [*answers(read(one.parser(), one.name))]]

each_manual = pytest.mark.parametrize("manual", SPEAKING, ids=lambda one: one.name)


@each
def test_a_schema_is_one_and_says_what_it_is_of(schema: Schema):
    """It is valid, has the name of its file, a title and a description."""
    jsonschema.Draft202012Validator.check_schema(schema.content)
    assert schema.content["$schema"].endswith("/draft/2020-12/schema")
    assert schema.content["$id"] == f"{PREFIX}{schema.name}"
    assert schema.content["title"]
    assert schema.content["description"].endswith(".")


@each
def test_a_schema_refers_to_what_is_there(schema: Schema):
    """Each reference leads to a schema of ours."""
    for part in parts(schema.content):
        if "$ref" in part:
            assert referred(schema, part["$ref"])


@each
def test_a_schema_names_and_describes_every_key(schema: Schema):
    """No object may have other keys, and each key's meaning is told."""
    for part in parts(schema.content):
        if part.get("type") == "object":
            closed = part.get("additionalProperties", part.get("unevaluatedProperties"))
            empty = part.get("maxProperties") == 0
            assert closed is False or isinstance(closed, dict) or empty, part
            assert set(part.get("required", ())) <= part.get("properties", {}).keys()
            for name, value in part.get("properties", {}).items():
                assert described(schema, value), f"{schema.name}: {name}"


def described(schema: Schema, value: dict) -> bool:
    if "description" in value or "$ref" not in value:
        return bool(value.get("description"))
    owner, _, there = referred(schema, value["$ref"])
    return described(owner, there)


def test_the_commands_that_have_schemas_are_those_that_there_are():
    """A command with --json that is added gets schemas, too."""
    assert {*COMMANDS} == {manual.name for manual in SPEAKING}


@each_manual
def test_each_answer_has_a_schema(manual: Manual):
    """Each verb with --json has one, and what has none of its own has its command's."""
    command = read(manual.parser(), manual.name)
    for words in answers(command):
        name = describing(manual.name, words).name
        assert name == ".".join((manual.name, *words))


@each
def test_each_schema_is_of_an_answer(schema: Schema):
    """Each is of a command's verb or option, or of another word that it knows."""
    if schema.command not in COMMANDS or not schema.word:
        return
    (manual,) = (one for one in MANUALS if one.name == schema.command)
    command = read(manual.parser(), manual.name)
    verbs = {words[0] for words in answers(command) if words}
    options = {name for option in command.options for name in option.names}
    assert schema.word in verbs | set(manual.extra) or f"--{schema.word}" in options


def test_the_page_is_made_of_the_schemas():
    """After a change of a schema, .venv/bin/python -m manuals writes it again."""
    text = jsonpage.render()
    assert jsonpage.PAGE.read_text() == text, "run: .venv/bin/python -m manuals"


def test_the_page_tells_each_schema_once():
    """Each has a section with a link to its file, and no two have the same anchor."""
    text = jsonpage.render()
    heads = [line.lstrip("# ") for line in text.splitlines() if line.startswith("#")]
    anchors = [anchor(head.replace("\\", "")) for head in heads]
    assert len(set(anchors)) == len(anchors)
    for schema in schemas().values():
        assert text.count(f"/schemas/{schema.path.name})") == 1
        if schema.name != VALUES:
            assert anchor(heading(schema, "")) in anchors


@each_manual
def test_the_page_of_a_command_leads_to_its_json(manual: Manual):
    """Whoever reads of --json finds the keys by a link."""
    texts = [path.read_text() for path in jsonpage.PAGE.parents[1].glob("*/*.md")]
    assert any(f"json.md#{manual.name}" in text for text in texts)


def test_what_is_not_as_its_schema_says_fails():
    """A key that is not described, is missing or has another type is told."""
    good = {"action": "pin", "revision": 1, "changed": True}
    assert validated("switch-version", ["--pin", "1", "--json"], json.dumps(good))
    for wrong in ({**good, "also": 1}, {"action": "pin"}, {**good, "revision": "1"}):
        with pytest.raises(AssertionError, match=r"switch-version\.pin"):
            validated("switch-version", ["--pin", "1"], json.dumps(wrong))


def test_an_error_is_no_answer():
    """What is printed instead of any answer has a schema of its own."""
    error = {"message": "It is not.", "next": "", "exit": 3}
    assert validated("zeoctl", ["nothing", "--json"], json.dumps({"error": error}))
    assert problems(ERROR, {"error": {**error, "exit": 0}})
    with pytest.raises(LookupError):
        validated("zeoctl", ["nothing", "--json"], "{}")


def test_a_command_prints_one_document():
    """evolve-run prints one on each line, no other command more than one."""
    with pytest.raises(AssertionError, match="not one document"):
        validated("karl-index", ["list", "--json"], '{"indexes": []}\n' * 2)
    with pytest.raises(json.JSONDecodeError):
        validated("karl-index", ["list", "--json"], "Done.")


def test_what_tests_run_is_compared(tmp_path):
    """A process that is named like a command fails the test that reads its answer."""
    fake = tmp_path / "karl-index"
    fake.write_text(f"#!{sys.executable} -I\nprint('{{}}')\n")
    fake.chmod(0o755)
    with pytest.raises(AssertionError, match=r"karl-index\.list"):
        subprocess.run([fake, "list", "--json"], capture_output=True, check=True)
    subprocess.run([fake, "list"], capture_output=True, check=True)
