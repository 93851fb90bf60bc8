"""The JSON Schemas of what commands print with ``--json``.

Each package keeps those of its commands in its folder ``schemas``: a file for a
command, ``<command>.json``, or for a verb or an option of one,
``<command>.<word>.json``.  Two others are ``error.json``, what each command prints
instead when it fails, and ``values.json``, what values mean that many have.  The rest
are of files on disk.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]

#: What an ``$id`` begins with; the name of the file follows, without its ending.
PREFIX = "urn:karl-recipe:"

#: The commands that have schemas.
COMMANDS = (
    "karl-index", "switch-version", "zeoctl", "evolve", "evolve-run",
    "refresh-staging", "rollout", "site", "tour",
)  # fmt: skip

#: What each command may print instead, and what is referred to by all.
ERROR, VALUES = "error", "values"


@dataclass(frozen=True)
class Schema:
    """A file with a schema.

    :ivar name: of the file without its ending, such as ``karl-index.freeze``.
    :ivar path: where the file is.
    :ivar content: what it says.
    """

    name: str
    path: Path
    content: dict[str, Any]

    @property
    def command(self) -> str:
        """The command whose answer it describes."""
        return self.name.partition(".")[0]

    @property
    def word(self) -> str:
        """The verb, or the option without its dashes; empty: all others."""
        return self.name.partition(".")[2]


@functools.cache
def schemas() -> dict[str, Schema]:
    """Return every schema by its name."""
    paths = [
        *_ROOT.glob("src/*/src/karl/recipe/*/schemas/*.json"),
        *_ROOT.glob("tour/schemas/*.json"),
    ]
    found = [
        Schema(path.stem, path, json.loads(path.read_text(encoding="utf-8")))
        for path in paths
    ]
    return {schema.name: schema for schema in sorted(found, key=lambda one: one.name)}


def describing(command: str, words: Iterable[str]) -> Schema:
    """Return the schema of what a command prints.

    :param words: the command line after the command.
    :raises LookupError: no schema describes that.
    """
    there = schemas()
    for word in words:
        name = f"{command}.{word.removeprefix('--')}"
        if name in there:
            return there[name]
    if command not in there:
        raise LookupError(
            f"no schema describes the JSON of {command} {' '.join(words)}"
        )
    return there[command]


def parts(schema: Any) -> Iterable[dict[str, Any]]:
    """Yield a schema and every schema in it, ``$defs`` too."""
    if not isinstance(schema, dict):
        return
    yield schema
    for key in ("properties", "$defs", "patternProperties"):
        for one in schema.get(key, {}).values():
            yield from parts(one)
    for key in ("items", "additionalProperties", "propertyNames"):
        yield from parts(schema.get(key))
    for key in ("oneOf", "anyOf", "allOf", "prefixItems"):
        for one in schema.get(key, ()):
            yield from parts(one)


def referred(schema: Schema, reference: str) -> tuple[Schema, str, dict[str, Any]]:
    """Return what a ``$ref`` refers to: its file, its name in ``$defs``, the schema.

    :param schema: the file that has the reference.
    :param reference: such as ``#/$defs/change``, with an ``$id`` before it or without;
        the name is empty where a whole file is referred to.
    :raises LookupError: there is no such schema.
    """
    place, _, inside = reference.partition("#")
    name = inside.removeprefix("/$defs/")
    try:
        owner = schemas()[place.removeprefix(PREFIX)] if place else schema
        return owner, name, owner.content["$defs"][name] if name else owner.content
    except KeyError:
        raise LookupError(f"{schema.name} refers to nothing: {reference}") from None
