"""The page of what commands print as JSON, made of the schemas."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from manuals.rows import Table, anchor, heading, tables
from manuals.schemas import COMMANDS, ERROR, VALUES, Schema, schemas

_ROOT = Path(__file__).resolve().parents[1]

PAGE = _ROOT / "docs" / "reference" / "json.md"

_TOP = """\
# JSON

What every command prints with `--json`: one document on standard output, whatever
its exit code is. Progress and warnings are on standard error. `evolve-run` prints a
document on each line, while it works.

Each answer has a JSON Schema (draft 2020-12), which the package of the command
carries in its folder `schemas`, and this page is made of them. A schema allows no
keys but those that it names. Where a schema refers to another one, as
`urn:karl-recipe:values`, the part after the last colon is the name of the file.

In a key, `[]` stands for each element of an array, and a word in capitals for a name,
such as that of a storage. A key is always there unless its type says otherwise.
"""

#: An option, which would lose a dash as a text.
_OPTION = re.compile(r"(?<![`\w-])--[a-z][a-z-]*")

_FILES = """\
## Files

Some of the [files on disk](files-on-disk.md) have a schema too.
"""


def render() -> str:
    """Return the page."""
    there = schemas()
    links = ", ".join(f"[{command}](#{anchor(command)})" for command in COMMANDS)
    texts = [
        _TOP,
        f"Commands: {links}.\n",
        *_values(there[VALUES]),
        *_section(there[ERROR], "##"),
    ]
    for command in COMMANDS:
        own = [one for one in there.values() if one.command == command]
        # What is no verb's comes first.
        texts += [] if command in there else [f"## {command}\n"]
        for one in own:
            texts += _section(one, "###" if one.word else "##")
    texts.append(_FILES)
    for one in there.values():
        if one.command not in {*COMMANDS, ERROR, VALUES}:
            texts += _section(one, "###")
    return "\n".join(texts).rstrip() + "\n"


def _values(schema: Schema) -> Iterator[str]:
    yield f"## Values\n\n{schema.content['description']} {_link(schema)}.\n"
    yield "| value | type | meaning |"
    yield "|---|---|---|"
    for one in schema.content["$defs"].values():
        yield f"| {one['title']} | {_type(one)} | {_text(one['description'])} |"
    yield ""


def _type(value: dict[str, Any]) -> str:
    if "enum" in value:
        return ", ".join(f"`{json.dumps(one)}`" for one in value["enum"])
    return str(value["type"])


def _section(schema: Schema, level: str) -> Iterator[str]:
    yield f"{level} {_text(heading(schema, ''))}\n"
    yield f"{_text(schema.content.get('description', ''))} {_link(schema)}.\n"
    for table in tables(schema):
        if table.title:
            yield f"{level}# {_text(heading(schema, table.title))}\n"
        if table.description:
            yield f"{_text(table.description)}\n"
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    if not table.rows:
        return
    yield "| key | type | meaning |"
    yield "|---|---|---|"
    for row in table.rows:
        yield f"| `{row.key}` | {row.kind} | {_text(row.meaning)} |"
    yield ""


def _text(text: str) -> str:
    """Return plain text as Markdown has it, also in a table."""
    for character in "|<*":
        text = text.replace(character, f"\\{character}")
    return _OPTION.sub(r"`\g<0>`", text)


def _link(schema: Schema) -> str:
    place = os.path.relpath(schema.path, PAGE.parent)
    return f"[Schema]({place})"
