"""What commands print as JSON, compared with the schemas of it.

Whatever a test lets a command print with ``--json``, in a process of its own, is
compared: tests/conftest.py sees to it.  What runs a command in another way calls
`validated`.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jsonschema
import referencing

from manuals.schemas import COMMANDS, ERROR, PREFIX, describing, schemas

#: Modules that are run instead of a command.
_MODULES = {"karl.recipe.evolve.running": "evolve-run"}

#: Commands that print a document on each line.
_LINES = frozenset({"evolve-run"})


@functools.cache
def _registry() -> referencing.Registry:
    return referencing.Registry().with_resources(
        (schema.content["$id"], referencing.Resource.from_contents(schema.content))
        for schema in schemas().values()
    )


@functools.cache
def _validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(
        {"$ref": f"{PREFIX}{name}"}, registry=_registry()
    )


def problems(name: str, document: Any) -> list[str]:
    """Return where a document is not as a schema says."""
    found = _validator(name).iter_errors(document)
    return [
        f"{error.json_path}: {error.message}"
        for error in (jsonschema.exceptions.best_match([one]) or one for one in found)
    ]


def validated(command: str, words: Sequence[str], text: str) -> list[Any]:
    """Return the documents that a command printed, all as its schema says.

    :param words: the command line after the command.
    :param text: what the command printed on standard output.
    """
    documents = list(_documents(text))
    assert command in _LINES or len(documents) == 1, f"{command}: not one document"
    for document in documents:
        failed = isinstance(document, dict) and document.keys() == {"error"}
        name = ERROR if failed else describing(command, words).name
        wrong = problems(name, document)
        assert not wrong, f"{name}: {'; '.join(wrong)}\n{json.dumps(document)[:4000]}"
    return documents


def _documents(text: str) -> Iterator[Any]:
    decoder, place = json.JSONDecoder(), 0
    while text[place:].strip():
        place += len(text[place:]) - len(text[place:].lstrip())
        document, place = decoder.raw_decode(text, place)
        yield document


def check_ended(words: Any, text: str | bytes | None, code: int) -> None:
    """Compare what a process printed, if it is a command of ours with ``--json``.

    :param words: the argument list.
    :param text: what it printed on standard output; None: that was not kept.
    :param code: its exit status; one that was killed may have printed anything.
    """
    command, arguments = _command(words)
    if not command or "--json" not in arguments or not text or code < 0:
        return
    validated(command, arguments, text if isinstance(text, str) else text.decode())


def _command(words: Any) -> tuple[str, list[str]]:
    if isinstance(words, str | bytes | os.PathLike):
        return "", []
    texts = [os.fsdecode(word) for word in words]
    name = os.path.basename(texts[0])
    if name in COMMANDS:
        return name, texts[1:]
    for module, command in _MODULES.items():
        if module in texts and command in COMMANDS:
            return command, texts[texts.index(module) + 1 :]
    return "", []


def watched(communicate: Callable[..., Any]) -> Callable[..., Any]:
    """Return what reads a process to its end, and compares its JSON."""

    @functools.wraps(communicate)
    def compared(process: subprocess.Popen, *words: Any, **options: Any) -> Any:
        output, errors = communicate(process, *words, **options)
        check_ended(process.args, output, process.returncode)
        return output, errors

    return compared
