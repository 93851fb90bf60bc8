"""A schema, read as rows for a table: a key, what its value is, and what it means."""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from manuals.schemas import COMMANDS, ERROR, VALUES, Schema, parts, referred, schemas


@dataclass(frozen=True)
class Row:
    """A key of an answer.

    :ivar key: with those that lead to it, such as ``indexes[].sha256``.
    :ivar kind: what its value is, in Markdown.
    """

    key: str
    kind: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """The keys of one object, below a heading of their own.

    :ivar title: empty: it is what the command prints.
    """

    title: str
    description: str
    rows: tuple[Row, ...]


def tables(schema: Schema) -> list[Table]:
    """Return the tables that tell a whole schema.

    The first is of what is printed, if that has one form; the others are of the forms
    that something has, and of objects that are in several places.
    """
    content = schema.content
    forms = [one["$ref"] for one in _forms(content)]
    kinds = [_referred_kind(schema, one) for one in forms]
    told = f"One of: {_either(kinds)}." if kinds else ""
    found = [Table("", told, tuple(_rows(schema, content, "")))]
    for name, one in content.get("$defs", {}).items():
        if f"#/$defs/{name}" in forms or _apart(schema, name):
            told, rows = one.get("description", ""), _rows(schema, one, "")
            found.append(Table(one.get("title", name), told, tuple(rows)))
    return found


def _forms(value: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the forms that a value may have; none: it has one.

    Where it has properties of its own, others only say which of them go together.
    """
    forms = [*value.get("oneOf", ()), *value.get("anyOf", ())]
    return [one for one in forms if "properties" not in value or "$ref" in one]


def _rows(schema: Schema, one: dict[str, Any], above: str) -> Iterator[Row]:
    for part in one.get("allOf", ()):
        owner, _, there = referred(schema, part["$ref"])
        yield from _rows(owner, there, above)
    required = one.get("required", ())
    for name, value in one.get("properties", {}).items():
        key = f"{above}{name}"
        kind = _kind(schema, value)
        if name not in required:
            kind += ", may be missing"
        yield Row(key, kind, _meaning(schema, value))
        yield from _below(schema, value, key)
    extra = one.get("additionalProperties")
    if isinstance(extra, dict) and not above:
        key = _placeholder(one)
        yield Row(key, _kind(schema, extra), _meaning(schema, extra))
        yield from _below(schema, extra, key)


def _below(schema: Schema, value: dict[str, Any], key: str) -> Iterator[Row]:
    """Yield the rows of what is in a value."""
    if "$ref" in value:
        owner, name, there = referred(schema, value["$ref"])
        if not _apart(owner, name):
            yield from _below(owner, there, key)
        return
    for one in _forms(value):
        yield from _below(schema, one, key)
    if isinstance(value.get("items"), dict):
        yield from _below(schema, value["items"], f"{key}[]")
    yield from _rows(schema, value, f"{key}.")
    extra = value.get("additionalProperties")
    if isinstance(extra, dict):
        yield from _below(schema, extra, f"{key}.{_placeholder(value)}")


def _placeholder(one: dict[str, Any]) -> str:
    """Return what stands for the keys of an object that has any."""
    return str(one.get("propertyNames", {}).get("title", "NAME"))


def _meaning(schema: Schema, value: dict[str, Any]) -> str:
    if "description" in value:
        return str(value["description"])
    if "$ref" in value:
        owner, _, there = referred(schema, value["$ref"])
        return _meaning(owner, there)
    return ""


def _kind(schema: Schema, value: dict[str, Any]) -> str:
    """Return what a value is, in Markdown."""
    if "$ref" in value:
        return _referred_kind(schema, value["$ref"])
    if forms := _forms(value):
        return _either([_kind(schema, one) for one in forms])
    if "const" in value:
        return f"`{json.dumps(value['const'])}`"
    if "enum" in value:
        return _either([f"`{json.dumps(one)}`" for one in value["enum"]])
    types = value.get("type", "any value")
    if isinstance(types, str):
        return _plain(schema, value, types)
    return _either([_plain(schema, value, one) for one in types])


def _plain(schema: Schema, value: dict[str, Any], name: str) -> str:
    if name == "array" and isinstance(value.get("items"), dict):
        return f"array of {_kind(schema, value['items'])}"
    extra = value.get("additionalProperties")
    if name == "object" and isinstance(extra, dict):
        return f"object: {_placeholder(value)} to {_kind(schema, extra)}"
    return name


def _referred_kind(schema: Schema, reference: str) -> str:
    owner, name, there = referred(schema, reference)
    title = there.get("title", name)
    if owner.name == VALUES:
        return f"[{title}](#values)"
    if not name:
        return f"[{title.lower()}](#{anchor(heading(owner, ''))})"
    if _apart(owner, name):
        return f"[{title}](#{anchor(heading(owner, title))})"
    return _kind(owner, there)


def _either(kinds: list[str]) -> str:
    *most, last = dict.fromkeys(kinds)
    return f"{', '.join(most)} or {last}" if most else last


def _apart(schema: Schema, name: str) -> bool:
    """Tell whether something that is referred to has a table of its own."""
    there = schema.content.get("$defs", {}).get(name, schema.content)
    return not name or ("properties" in there and _uses()[schema.name, name] > 1)


@functools.cache
def _uses() -> Counter[tuple[str, str]]:
    """Return how often each of ``$defs`` is referred to.

    What is in another file, or is one form of several, counts twice: it is to have a
    table of its own.
    """
    found: Counter[tuple[str, str]] = Counter()
    for schema in schemas().values():
        for part in parts(schema.content):
            if "$ref" in part:
                owner, name, _ = referred(schema, part["$ref"])
                found[owner.name, name] += 1 if owner is schema else 2
            found.update(_several_forms(schema, _forms(part)))
    return found


def _several_forms(
    schema: Schema, forms: list[dict[str, Any]]
) -> Iterator[tuple[str, str]]:
    """Yield those of several forms that are objects."""
    objects = []
    for one in forms:
        if "$ref" in one:
            owner, name, there = referred(schema, one["$ref"])
            if "properties" in there:
                objects.append((owner.name, name))
    if len(objects) > 1:
        yield from objects


def heading(schema: Schema, title: str) -> str:
    """Return the heading above a table of a schema.

    :param title: of the table; empty: it is what the command prints.
    """
    if schema.name == ERROR:
        return "Errors"
    own = f"{schema.command} {schema.word}".rstrip()
    if schema.command not in COMMANDS:
        own = schema.content["title"]
    return f"{own}: {title}" if title else own


def anchor(text: str) -> str:
    """Return what a link to a heading has, as repositories' browsers and Sphinx do."""
    kept = (one for one in text.lower() if one.isalnum() or one in " -_")
    return "".join(kept).replace(" ", "-")
