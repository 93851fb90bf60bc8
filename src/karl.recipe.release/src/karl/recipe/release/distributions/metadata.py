"""The METADATA and entry points of a distribution, as far as installing needs."""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass

from packaging.utils import canonicalize_version

_ENTRY_POINT = re.compile(
    r"(?P<module>[\w.]+)\s*(?::\s*(?P<attribute>[\w.]*))?\s*(?P<extras>\[[^]]*\])?\s*\Z"
)

_SINGLE = ("name", "version", "requires-python")
_MULTIPLE = ("requires-dist", "provides-extra")


@dataclass(frozen=True)
class Metadata:
    """What a METADATA file says.

    :ivar requires: the ``Requires-Dist`` lines.
    :ivar extras: the ``Provides-Extra`` lines.
    """

    name: str
    version: str
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    requires_python: str = ""

    @classmethod
    def parse(cls, data: bytes) -> Metadata:
        """Return what *data* says; only its head is looked at, not the long text."""
        fields = _fields(data)
        return cls(
            name=fields["name"][0],
            version=fields["version"][0],
            requires=tuple(fields["requires-dist"]),
            extras=tuple(fields["provides-extra"]),
            requires_python=fields["requires-python"][0],
        )


@dataclass(frozen=True)
class EntryPoint:
    """One entry point.

    :ivar attribute: dotted; empty if the module itself is meant.
    """

    group: str
    name: str
    module: str
    attribute: str
    extras: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.module}:{self.attribute}" if self.attribute else self.module


def entry_points(text: str) -> tuple[EntryPoint, ...]:
    """Return what an ``entry_points.txt`` names, in its order.

    Lines that are no entry points are left out, as ``importlib.metadata`` does.
    """
    parser = configparser.ConfigParser(
        delimiters=("=",), interpolation=None, strict=False
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error:
        return ()
    return tuple(
        EntryPoint(
            group,
            name,
            match["module"],
            match["attribute"] or "",
            tuple((match["extras"] or "").strip("[] ").replace(",", " ").split()),
        )
        for group in parser.sections()
        for name, value in parser.items(group)
        if (match := _ENTRY_POINT.match(value.strip()))
    )


def same_version(one: str, other: str) -> bool:
    """Tell whether two version texts mean the same version (PEP 440)."""
    return canonicalize_version(one) == canonicalize_version(other)


def _fields(data: bytes) -> dict[str, list[str]]:
    """Return the values of the fields that matter; the first wins where one may be.

    As the email module would, but that takes a third of the time that linking
    a whole release takes.
    """
    found: dict[str, list[str]] = {name: [] for name in (*_SINGLE, *_MULTIPLE)}
    current: list[str] = []
    for line in data.decode("utf-8", "replace").splitlines():
        if not line.strip():
            break
        if line[0] in " \t":
            if current:
                current[-1] += f" {line.strip()}"
            continue
        name, _, value = line.partition(":")
        current = found.get(name.lower(), [])
        current.append(value.strip())
    for name in _SINGLE:
        found[name].append("")
    return found
