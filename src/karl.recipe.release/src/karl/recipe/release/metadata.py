"""The METADATA and entry points of a distribution, as far as installing needs."""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass
from email.parser import HeaderParser

_ENTRY_POINT = re.compile(
    r"(?P<module>[\w.]+)\s*(?::\s*(?P<attribute>[\w.]*))?\s*(?P<extras>\[[^]]*\])?\s*\Z"
)


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
        head = data.decode("utf-8", "replace")
        head = re.split(r"\r?\n\r?\n", head, maxsplit=1)[0]
        fields = HeaderParser().parsestr(head + "\n\n")
        return cls(
            name=_one(fields.get("Name")),
            version=_one(fields.get("Version")),
            requires=tuple(_one(line) for line in fields.get_all("Requires-Dist", ())),
            extras=tuple(_one(line) for line in fields.get_all("Provides-Extra", ())),
            requires_python=_one(fields.get("Requires-Python")),
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


def _one(value: object) -> str:
    """Return a header's value on one line."""
    return " ".join(str(value or "").split())
