"""Names that come from outside, checked before they become paths.

Project names are normalised as PEP 503 says, versions as PEP 440 says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from karl.recipe.release.base.errors import UsageError

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+!-]*[A-Za-z0-9])?\Z")
_SEPARATORS = re.compile(r"[-_.]+")
_EXTENSION = re.compile(r"(?:\.[A-Za-z0-9_-]+)?\.so\Z")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*\Z")


def checked_label(text: str) -> str:
    """Return *text* if it is safe as the name of one file or directory.

    :raises UsageError: it is empty, hidden, or has characters (slashes, blanks,
        quotes, control characters) that a path or a shell could trip over.
    """
    if not _LABEL.match(text) or ".." in text or len(text) > 128:
        raise UsageError(
            f"{text!r} cannot be a name here.",
            "Use letters, digits and . _ + ! - only; begin and end with a letter "
            "or a digit.",
        )
    return text


def checked_file_name(text: str) -> str:
    """Return *text* if it is safe as the name of a distribution file."""
    if not _FILE_NAME.match(text) or len(text) > 255:
        raise UsageError(
            f"{text!r} cannot be the name of a distribution file.",
            "Its source sent a name that is not of an sdist or wheel; do not use it.",
        )
    return text


def normalised(name: str) -> str:
    """Return the normalised form of a project's name (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


def extension_module(path: str) -> str:
    """Return the dotted name of the module that an extension's file is.

    :param path: of the file, below the folder that modules are imported from.
    """
    return _EXTENSION.sub("", path).replace("/", ".")


@dataclass(frozen=True, order=True)
class IndexName:
    """The name and version of an index, written ``acme/1.0``."""

    name: str
    version: str

    @classmethod
    def parse(cls, text: str) -> IndexName:
        """Return the index that *text*, such as ``acme/1.0``, names.

        :raises UsageError: it is not of that form.
        """
        name, slash, version = text.partition("/")
        if not slash:
            raise UsageError(
                f"{text!r} does not name an index.",
                "Write NAME/VERSION, as in acme/1.0.",
            )
        return cls(checked_label(name), checked_label(version))

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"


@dataclass(frozen=True)
class PrivateNames:
    """Which projects are ours, and never looked for in a public registry.

    :ivar patterns: such as ``karl.*``; compared by normalised names, where
        ``karl.*`` means every name that begins with ``karl-``.
    """

    patterns: tuple[str, ...] = ()

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(
            fnmatchcase(normalised(name), _normalised_pattern(pattern))
            for pattern in self.patterns
        )


def _normalised_pattern(pattern: str) -> str:
    return _SEPARATORS.sub("-", pattern).lower()
