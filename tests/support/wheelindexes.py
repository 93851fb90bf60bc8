"""Frozen indexes made by hand, of wheels that a test has made."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from packaging.utils import parse_wheel_filename

from karl.recipe.release.base import files
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.base.names import IndexName
from karl.recipe.release.distributions import lockfile
from karl.recipe.release.distributions.lockfile import Index, Lock
from karl.recipe.release.distributions.packages import File, Package
from karl.recipe.release.distributions.pool import Pool


def make_index(
    software: SoftwareLayout,
    name: str,
    wheels: Iterable[Path],
    *,
    packages: Iterable[Package] = (),
    metadata: bool = True,
    **fields: Any,
) -> Index:
    """Pool *wheels* and write the index *name* of them.

    :param packages: further packages, whose files are pooled already.
    :param metadata: whether the index has the METADATA of its wheels.
    :param fields: of the lock.
    """
    index = IndexName.parse(name)
    layout = software.index(index)
    pool = Pool(software)
    found: dict[str, Package] = {package.name: package for package in packages}
    for wheel in wheels:
        project, version, *_ = parse_wheel_filename(wheel.name)
        pool.add(wheel)
        text = _metadata(wheel)
        digest = ""
        if metadata and text:
            files.write(layout.project(str(project)) / f"{wheel.name}.metadata", text)
            digest = hashlib.sha256(text).hexdigest()
        file = File(
            wheel.name,
            files.sha256_of(wheel),
            wheel.stat().st_size,
            metadata_sha256=digest,
        )
        others = found[str(project)].wheels if str(project) in found else ()
        found[str(project)] = Package(str(project), str(version), (*others, file))
    lock = Lock(index, tuple(found.values()), ">=3.11", **fields)
    files.write(layout.lock_file, lockfile.render(lock))
    return Index.load(software, index)


def _metadata(wheel: Path) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith(".dist-info/METADATA"):
                    return archive.read(name)
    except zipfile.BadZipFile:
        pass
    return b""
