"""Wheels built member by member, so that each may be wrong in its own way."""

from __future__ import annotations

import base64
import hashlib
import stat
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)


def record_hash(content: bytes, algorithm: str = "sha256") -> str:
    digest = base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest())
    return f"{algorithm}={digest.rstrip(b'=').decode()}"


@dataclass
class RawWheel:
    """A sound wheel, until a test changes it.

    :ivar members: content by path, all that RECORD lists.
    :ivar modes: the file type and permissions, where not a plain file's.
    :ivar extra: members that are written beside, in order, listed or not.
    :ivar record: lines by path, where not those of the content; None: no line.
    :ivar without: members that are left out after all.
    :ivar wheel_version: of the format.
    :ivar compression: of all members.
    """

    name: str = "sample"
    version: str = "1.0"
    tag: str = "py3-none-any"
    members: dict[str, bytes] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    extra: list[tuple[str, bytes]] = field(default_factory=list)
    record: dict[str, str | None] = field(default_factory=dict)
    entry_points: str = ""
    requires: tuple[str, ...] = ()
    metadata: str = ""
    file_name: str = ""
    without: tuple[str, ...] = ()
    wheel_version: str = "Wheel-Version: 1.0"
    compression: int = zipfile.ZIP_DEFLATED

    @property
    def stem(self) -> str:
        return f"{self.name.replace('-', '_').replace('.', '_')}-{self.version}"

    @property
    def info(self) -> str:
        return f"{self.stem}.dist-info"

    @property
    def data(self) -> str:
        return f"{self.stem}.data"

    def all_members(self) -> dict[str, bytes]:
        requires = "".join(f"Requires-Dist: {line}\n" for line in self.requires)
        metadata = self.metadata or (
            f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {self.version}\n"
            f"{requires}"
        )
        members = {
            **self.members,
            f"{self.info}/METADATA": metadata.encode(),
            f"{self.info}/WHEEL": (
                f"{self.wheel_version}\nRoot-Is-Purelib: true\n"
                f"Tag: {self.tag}\n".encode()
            ),
        }
        if self.entry_points:
            members[f"{self.info}/entry_points.txt"] = self.entry_points.encode()
        return members

    def record_text(self, members: dict[str, bytes]) -> str:
        lines: dict[str, str | None] = {
            path: f"{path},{record_hash(content)},{len(content)}"
            for path, content in members.items()
        }
        lines.update(self.record)
        own = f"{self.info}/RECORD,,"
        return "\n".join([*filter(None, lines.values()), own]) + "\n"

    def write(self, folder: Path) -> Path:
        members = self.all_members()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / (self.file_name or f"{self.stem}-{self.tag}.whl")
        record = f"{self.info}/RECORD"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in [
                *members.items(),
                *self.extra,
                (record, self.record_text(members).encode(errors="surrogateescape")),
            ]:
                if name in self.without:
                    continue
                entry = zipfile.ZipInfo(name, EPOCH)
                entry.compress_type = self.compression
                mode = self.modes.get(name, stat.S_IFREG | 0o644)
                entry.external_attr = mode << 16
                archive.writestr(entry, content)
        return path
