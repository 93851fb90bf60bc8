"""Real distribution files, small, made by hand."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)


def record_line(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
    return f"{name},sha256={digest.decode()},{len(content)}\n"


def make_wheel(
    folder: Path,
    project: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
    scripts: Mapping[str, str] | None = None,
    tag: str = "py3-none-any",
    requires_python: str = "",
) -> Path:
    """Write a valid wheel and return its path."""
    stem = f"{project.replace('-', '_').replace('.', '_')}-{version}"
    info = f"{stem}.dist-info"
    module = project.replace("-", "_").replace(".", "_")
    content = dict(files or {f"{module}.py": f"VERSION = {version!r}\n"})
    metadata = f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {line}\n" for line in requires)
    if requires_python:
        metadata += f"Requires-Python: {requires_python}\n"
    content[f"{info}/METADATA"] = metadata
    pure = "true" if tag.endswith("-any") else "false"
    content[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {pure}\nTag: {tag}\n"
    )
    if scripts:
        lines = "".join(f"{name} = {target}\n" for name, target in scripts.items())
        content[f"{info}/entry_points.txt"] = f"[console_scripts]\n{lines}"
    record = "".join(
        record_line(name, text.encode()) for name, text in sorted(content.items())
    )
    content[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in sorted(content.items()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text)
    return path


def make_sdist(
    folder: Path,
    project: str,
    version: str,
    *,
    build_requires: Sequence[str] = ("flit_core>=3.2",),
    backend: str = "flit_core.buildapi",
    dependencies: Sequence[str] = (),
) -> Path:
    """Write an sdist of one module, built with flit_core, and return its path."""
    module = project.replace("-", "_").replace(".", "_")
    stem = f"{module}-{version}"
    pyproject = (
        f"[build-system]\nrequires = {list(build_requires)!r}\n"
        f"build-backend = {backend!r}\n"
        f"[project]\nname = {project!r}\nversion = {version!r}\n"
        f"description = 'a test'\ndependencies = {list(dependencies)!r}\n"
        f"[tool.flit.module]\nname = {module!r}\n"
    )
    info = f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n"
    content = {
        "PKG-INFO": info,
        "pyproject.toml": pyproject,
        f"{module}.py": f"VERSION = {version!r}\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}.tar.gz"
    with (
        gzip.GzipFile(path, "wb", mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w") as archive,
    ):
        for name, text in content.items():
            entry = tarfile.TarInfo(f"{stem}/{name}")
            entry.size = len(text.encode())
            entry.mtime = 946684800
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path
