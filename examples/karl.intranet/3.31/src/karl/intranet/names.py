"""The names that content gets in URLs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container

LONGEST = 60


def name_for(title: str) -> str:
    """``title`` reduced to lower-case ASCII letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
    return name[:LONGEST].rstrip("-") or "untitled"


def free_name(title: str, taken: Container[str]) -> str:
    """A name for ``title`` that is not ``taken`` yet."""
    base = name_for(title)
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name
