"""The RECORD of a wheel: every file of it with its hash."""

from __future__ import annotations

import base64
import csv
import hashlib
from collections.abc import Callable, Collection
from typing import Any

#: Hash algorithms that a RECORD may use; anything weaker is refused.
_STRONG: dict[str, Callable[[bytes], Any]] = {
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
}

#: Files that a RECORD does not list with a hash: itself and its signatures.
_EXEMPT = ("RECORD", "RECORD.jws", "RECORD.p7s")


class Record:
    """What a RECORD promises.

    :ivar hashes: by path: algorithm and unpadded urlsafe base64 digest.
    :ivar problems: everything wrong with the RECORD itself, sentences.
    """

    def __init__(self, text: str, dist_info: str) -> None:
        self.hashes: dict[str, tuple[str, str]] = {}
        self.problems: list[str] = []
        self.exempt = frozenset(f"{dist_info}/{name}" for name in _EXEMPT)
        try:
            rows = list(csv.reader(text.splitlines()))
        except csv.Error as error:
            self.problems.append(f"RECORD is no CSV: {error}")
            rows = []
        for row in rows:
            if row:
                self._take(row)

    def _take(self, row: list[str]) -> None:
        if len(row) != 3:
            self.problems.append(f"RECORD has a line of {len(row)} fields: {row[0]!r}")
            return
        path, digest, _ = row
        if path in self.exempt:
            return
        algorithm, _, value = digest.partition("=")
        if path in self.hashes:
            self.problems.append(f"RECORD lists {path} twice")
        elif algorithm not in _STRONG or not value:
            self.problems.append(
                f"RECORD has no sha256 of {path} but {algorithm or 'nothing'}"
            )
        self.hashes[path] = (algorithm, value.rstrip("="))

    def compare(self, members: Collection[str]) -> list[str]:
        """Return what differs between the listed and the present paths."""
        present = set(members) - self.exempt
        missing = sorted(self.hashes.keys() - present)
        unlisted = sorted(present - self.hashes.keys())
        return [
            *(f"RECORD lists {path}, which is not in the wheel" for path in missing),
            *(f"{path} is not in RECORD" for path in unlisted),
        ]

    def agrees(self, path: str, data: bytes, sha256: bytes) -> bool:
        """Tell whether *data*, with this *sha256*, is what is promised for *path*."""
        if path in self.exempt:
            return True
        algorithm, expected = self.hashes[path]
        if algorithm == "sha256":
            digest = sha256
        elif algorithm in _STRONG:
            digest = _STRONG[algorithm](data).digest()
        else:
            return False
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == expected
