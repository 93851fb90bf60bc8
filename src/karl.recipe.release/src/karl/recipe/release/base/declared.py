"""What a buildout declared, read back from the JSON file that it wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from karl.recipe.release.base.errors import DamagedError, RefusedError

_Value = TypeVar("_Value")


def load(
    path: Path, kind: str, tip: str, build: Callable[[dict[str, Any]], _Value]
) -> _Value:
    """Return what a file below ``etc`` declares.

    :param path: of the file.
    :param kind: what the root is that has it, such as ``a database server``.
    :param tip: what to do if the file is not as it should be.
    :param build: makes a value of the file's object.
    :raises RefusedError: there is no file: the root is nothing of that kind.
    :raises DamagedError: it cannot be understood.
    """
    root = path.parent.parent
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise RefusedError(
            f"{root} is not {kind}: it has no {path.name}.", tip
        ) from None
    except ValueError as error:
        raise DamagedError(f"{path} is not JSON: {error}.", tip) from None
    try:
        return build(found)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(
            f"{path} does not describe {kind}: {error!r}.", tip
        ) from None
