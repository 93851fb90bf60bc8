"""Core metadata of wheels as files of their own, as PEP 658 serves them."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from karl.recipe.release.base.errors import DamagedError

_LARGEST = 4 << 20


def wheel_metadata(wheel: Path) -> bytes:
    """Return the METADATA file of a wheel, byte for byte.

    :raises DamagedError: it is no wheel, or has none or more than one.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [
                info
                for info in archive.infolist()
                if info.filename.count("/") == 1
                and info.filename.endswith(".dist-info/METADATA")
            ]
            if len(names) != 1 or names[0].file_size > _LARGEST:
                raise DamagedError(
                    f"{wheel.name} has {len(names)} METADATA files of sane size; "
                    "a wheel has one.",
                    "Get the wheel anew from where it was published.",
                )
            return archive.read(names[0])
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise DamagedError(
            f"{wheel} cannot be read as a wheel: {error}.",
            "Remove it and run karl-index fetch.",
        ) from error


def metadata_digest(wheel: Path) -> str:
    """Return the hexadecimal sha256 of a wheel's METADATA."""
    return hashlib.sha256(wheel_metadata(wheel)).hexdigest()
