"""What a site tells of itself: its ``evolve report``, run here or through ssh.

What it answers is shown, and not trusted: only what has the form that it should.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from karl.recipe.release.base import process
from karl.recipe.release.base.blocks import PROBLEM, Attention, notice, problem, visible
from karl.recipe.release.base.errors import KarlError, ProcessError, TimeLimitError

#: Seconds that a site has to answer: it asks its own processes, too.
_PATIENCE = 60.0

#: How many sites are asked at the same time.
_AT_ONCE = 8

#: Characters of an answer, and items of a list, that are looked at.
_LONGEST, _MOST = 4_000_000, 200


def ask_all(commands: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """Return what each site tells.

    Sites that do not answer, such as all of a machine that is gone, are waited for
    together.

    :param commands: the ``evolve`` of each.
    """
    with ThreadPoolExecutor(_AT_ONCE, "ask") as pool:
        return list(pool.map(ask, commands))


def ask(words: Sequence[str]) -> dict[str, Any]:
    """Return what a site tells; if it does not, why.

    :param words: its ``evolve``, with what leads to it.
    """
    name = name_of(words)
    try:
        found = _answer(words)
    except (KarlError, OSError, RecursionError, ValueError) as error:
        told = error.message if isinstance(error, KarlError) else str(error)
        text = f"The site does not tell of itself: {told}"
        tip = f"Try it: {' '.join(words)} report."
        return {"site": name, "attention": [problem(f"{text} {tip}")], "page": []}
    return {
        **found,
        "site": visible(str(found.get("site") or name)),
        "attention": _attention(found.get("attention")),
        "page": _list(found.get("page")),
    }


def name_of(words: Sequence[str]) -> str:
    """Return what a site is called that does not say so: by its ``bin/evolve``."""
    path = Path(words[-1])
    if path.name == "evolve" and path.parent.name == "bin" and len(path.parts) > 3:
        return path.parents[1].name
    return " ".join(words)


def _answer(words: Sequence[str]) -> dict[str, Any]:
    """Run a site's command, and return its answer.

    :raises KarlError: it failed.
    :raises ValueError: it answered something else.
    """
    with tempfile.NamedTemporaryFile(prefix="karl-report-") as errors:
        said = Path(errors.name)
        try:
            text = process.run(
                [*words, "report", "--json", "--quiet"], timeout=_PATIENCE, errors=said
            )
        except TimeLimitError:
            raise KarlError(f"it has not answered within {_PATIENCE:g} s.") from None
        except ProcessError as error:
            last = said.read_text(errors="replace").strip().splitlines()[-3:]
            told = " ".join(last) or "no word"
            raise KarlError(
                f"it ended with status {error.status}, and {told}"
            ) from None
    if len(text) > _LONGEST:
        raise ValueError("its answer is too long.")
    found = json.loads(text, parse_constant=lambda _: None)
    if not isinstance(found, dict):
        raise ValueError("its answer is of another form.")  # noqa: TRY004  # no bug
    return found


def _attention(value: object) -> list[Attention]:
    return [
        problem(str(each.get("text")))
        if each.get("level") == PROBLEM
        else notice(str(each.get("text")))
        for each in _list(value)
        if isinstance(each, Mapping)
    ]


def _list(value: object) -> list[Any]:
    return value[:_MOST] if isinstance(value, list) else []
