"""Two tiny wheels and two frozen indexes of them."""

from __future__ import annotations

import base64
import hashlib
import sys
import zipfile
from pathlib import Path

from benchmarks.programs import COMMANDS, Command, output

_WHEEL = "Wheel-Version: 1.0\nGenerator: benchmarks\nRoot-Is-Purelib: true\nTag: py3-none-any\n"  # noqa: E501


def make(pool: Path, indexes: Path, home: Path) -> None:
    """Make the wheels, pool them, and freeze ``tiny/1`` and ``tiny/2``."""
    wheels = home / "wheels"
    wheels.mkdir()
    write_wheel(wheels, "tiny.library", "1.0")
    write_wheel(wheels, "tiny.product", "1", requires="tiny.library")
    write_wheel(wheels, "tiny.product", "2", requires="tiny.library")
    places: Command = [
        "--pool",
        pool,
        "--indexes",
        indexes,
        "--store",
        home / "tiny-store",
    ]
    command: Command = [sys.executable, COMMANDS / "karl-index"]
    output([*command, "add", wheels, *places], home=home)
    for version in ("1", "2"):
        required = ["--require", f"tiny.product=={version}", "--offline"]
        freeze = [*command, "freeze", f"tiny/{version}", *required, *places]
        output(freeze, home=home)


def write_wheel(folder: Path, name: str, version: str, requires: str = "") -> None:
    """Write a wheel of one module."""
    stem = f"{name.replace('.', '_')}-{version}"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    if requires:
        metadata += f"Requires-Dist: {requires}\n"
    content = {
        f"{name.replace('.', '/')}/__init__.py": f"VERSION = {version!r}\n",
        f"{stem}.dist-info/METADATA": metadata,
        f"{stem}.dist-info/WHEEL": _WHEEL,
    }
    record = "".join(f"{path},{_digest(text)}\n" for path, text in content.items())
    content[f"{stem}.dist-info/RECORD"] = f"{record}{stem}.dist-info/RECORD,,\n"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    encoded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return f"sha256={encoded},{len(text)}"
