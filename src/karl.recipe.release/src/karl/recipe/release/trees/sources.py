"""What a release is made of, before it is unpacked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """A wheel to unpack.

    :ivar project: normalised name it must have.
    :ivar sha256: that its bytes must have, as the index says.
    """

    project: str
    version: str
    path: Path
    sha256: str
    size: int
