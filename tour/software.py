"""The chapters about software: indexes, releases, and what is found in them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from karl.recipe.release.base import files
from tour.telling import Row
from tour.workshop import UnexpectedError, Workshop

#: What the customer's indexes are frozen from.
_INDEXES = {"acme/1.0": ("karl/3.30", "1.0"), "acme/1.1": ("karl/3.31", "1.1")}


#: Our own packages: the product's and the customer's.
_PACKAGES = (
    "karl.intranet/3.30", "karl.intranet/3.31", "acme.site/1.0", "acme.site/1.1",
)  # fmt: skip


def freeze(shop: Workshop, row: Row) -> None:
    """Freeze the customer's indexes anew."""
    for package in _PACKAGES:
        folder = shop.checkout / "examples" / package
        words: list[str | Path] = ["publish", folder, "--build-index", "toolchain/1"]
        # Of a checkout that was downloaded git knows nothing.
        loose = [] if (shop.checkout / ".git").exists() else ["--allow-uncommitted"]
        shop.index(*words, *loose)
    for name, (product, version) in _INDEXES.items():
        shop.index(
            "freeze", name, "--extends", product,
            "--require", f"acme.site=={version}", "--private", "acme.*",
        )  # fmt: skip
    same = [name for name in _INDEXES if _digest(shop, name) == _committed(shop, name)]
    if len(same) == len(_INDEXES):
        row.found = "the same bytes as in this repository"
    else:
        row.found = "other bytes than in this repository: something newer was found"


def build(shop: Workshop, row: Row) -> None:
    """Build both releases, side by side."""
    shop.buildout("acme-prod")
    shop.buildout("acme-prod", "site:version=1.1")
    releases = shop.site / "releases"
    count = sum(len(names) for _, _, names in os.walk(releases / "1.1"))
    row.found = f"releases 1.0 and 1.1, {count} files each, read-only"


def edit_is_found(shop: Workshop, row: Row) -> None:
    """Edit a file of the live release, as somebody would at night; have it found."""
    release = (shop.site / "current" / "release").resolve()
    victim = next(release.glob("lib/python*/site-packages/acme/site/__init__.py"))
    kept = victim.read_bytes()
    _replace(victim, kept + b"\n# a quick fix\n", 0o644)
    command = shop.site / "bin" / "switch-version"
    told = shop.run(command, "--verify", expect=4)
    found = [line.strip() for line in told.splitlines() if victim.name in line]
    shop.teller.said("\n".join(found))
    if not found:
        raise UnexpectedError(f"{victim} was edited, and it was not told.")
    _replace(victim, kept, 0o444)
    row.found = "found, and named"


def damage_is_refused(shop: Workshop, row: Row) -> None:
    """Damage a wheel, and try to build a release from it."""
    pool = shop.root / "damaged-pool"
    shutil.copytree(
        shop.pool,
        pool,
        copy_function=files.link_or_copy,
        # They are written to, and would be the other pool's.
        ignore=shutil.ignore_patterns(".*"),
    )
    wheel = next(pool.glob("pyramid-*.whl"))
    content = bytearray(wheel.read_bytes())
    content[len(content) // 2] ^= 1
    _replace(wheel, bytes(content), 0o644)
    told = shop.buildout("acme-prod", f"karl:pool={pool}", expect=1)
    shop.teller.said("\n".join(told.strip().splitlines()[-2:]))
    if wheel.name not in told:
        raise UnexpectedError(f"{wheel} was damaged, and it was not told.", "")
    files.remove_tree(pool)
    row.found = "refused: one bit was another"


def _replace(path: Path, content: bytes, mode: int) -> None:
    """Write a file anew, so that no hard link of it changes."""
    folder = path.parent
    was = folder.stat().st_mode
    folder.chmod(0o755)
    partial = path.with_name(f"{path.name}.new")
    partial.write_bytes(content)
    partial.chmod(mode)
    partial.replace(path)
    folder.chmod(was)


def _digest(shop: Workshop, name: str) -> str:
    return files.sha256_of(shop.root / "indexes" / name / "pylock.toml")


def _committed(shop: Workshop, name: str) -> str:
    return files.sha256_of(shop.checkout / "indexes" / name / "pylock.toml")
