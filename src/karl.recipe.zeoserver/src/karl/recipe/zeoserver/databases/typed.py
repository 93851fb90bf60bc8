"""Records as files have them: every value must be of the type that is declared."""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Hashable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from karl.recipe.zeoserver.databases import tids

_Kind = TypeVar("_Kind")

#: No time, number or size that is meant is larger.
_LIMIT = 1 << 60
_TIME_LIMIT = 1e12


def built(kind: type[_Kind], values: Mapping[str, Any], **given: Any) -> _Kind:
    """Return a dataclass made of what a JSON file says.

    :param given: values that do not come from the file.
    :raises ValueError: something is missing, unknown, or of another type.
    """
    fields = {
        name: hint
        for name, hint in _hints(typing.cast("Hashable", kind)).items()
        if name not in given
    }
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise ValueError(f"nothing is known of {', '.join(unknown)}")
    found = {}
    for name, value in values.items():
        try:
            found[name] = _typed(value, fields[name])
        except ValueError:
            raise ValueError(f"{name} is {_shown(value)}") from None
    lacking = _required(typing.cast("Hashable", kind)) - {*found, *given}
    if lacking:
        raise ValueError(f"it lacks {', '.join(sorted(lacking))}")
    return kind(**found, **given)


def tid(text: str) -> str:
    """Return a transaction id.

    :raises ValueError: it is none.
    """
    if not tids.is_tid(text):
        raise ValueError(f"{_shown(text)} is no transaction id")
    return text


def whole(value: Any) -> int:
    """Return a whole number that is not negative.

    :raises ValueError: it is none.
    """
    if type(value) is not int or not 0 <= value < _LIMIT:
        raise ValueError(f"{_shown(value)} is no number")
    return value


def wrong(error: Exception) -> str:
    """Return what is wrong with a file that was read, short whatever the file has."""
    kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
    return f"{kind}{error}"[:200]


def _shown(value: Any) -> str:
    return repr(value)[:60]


@functools.lru_cache
def _hints(kind: Hashable) -> Mapping[str, Any]:
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(typing.cast("Any", kind))
    return {field.name: hints[field.name] for field in fields}


@functools.lru_cache
def _required(kind: Hashable) -> frozenset[str]:
    return frozenset(
        field.name
        for field in dataclasses.fields(typing.cast("Any", kind))
        if field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    )


def _typed(value: Any, hint: Any) -> Any:
    """Return *value* as *hint* says; JSON has lists where we have tuples.

    :raises ValueError: it is something else.
    """
    if isinstance(hint, types.UnionType):
        return _any_of(value, typing.get_args(hint))
    kind = typing.get_origin(hint) or hint
    if kind is tuple and isinstance(value, list):
        return tuple(_typed(each, typing.get_args(hint)[0]) for each in value)
    if isinstance(kind, type) and issubclass(kind, tuple) and kind is not tuple:
        return _named(value, kind)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(value)
    return _plain(value, kind)


def _any_of(value: Any, hints: tuple[Any, ...]) -> Any:
    for hint in hints:
        try:
            return _typed(value, hint)
        except ValueError:
            continue
    raise ValueError


def _named(value: Any, kind: type[Any]) -> Any:
    hints = list(typing.get_type_hints(kind).values())
    if not isinstance(value, list) or len(value) != len(hints):
        raise ValueError
    return kind(*(_typed(each, hint) for each, hint in zip(value, hints, strict=True)))


def _plain(value: Any, kind: type[Any]) -> Any:
    if kind is int:
        return whole(value)
    if kind is float:
        if type(value) not in {int, float}:
            raise ValueError
        if not math.isfinite(value) or abs(value) > _TIME_LIMIT:
            raise ValueError
        return float(value)
    if type(value) is not kind:
        raise ValueError
    return value
