"""What a killed backup left: removed, so that the repository is as before it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from karl.recipe.release.base import files, largefiles
from karl.recipe.release.base.errors import DamagedError
from karl.recipe.release.base.reporter import Reporter
from karl.recipe.zeoserver.backups import chains, moments, units
from karl.recipe.zeoserver.backups.chains import Chain
from karl.recipe.zeoserver.databases import blobs
from karl.recipe.zeoserver.layouts.repository import ChainLayout, RepositoryLayout

#: Of a backup, beside its record: nothing without it.
_PARTS = (".deltafs", ".blobs", ".verified.json")

_INTENDED = ".blobs"


def repair(repository: RepositoryLayout, reporter: Reporter) -> None:
    """Remove what killed backups and removals of chains left."""
    for path in files.remove_partial(repository.root):
        reporter.say(f"Removed unfinished work of an earlier backup: {path}")
    for folder in chains.folders(repository):
        chain = chains.read(ChainLayout(folder))
        if chain is not None:
            for path in repair_chain(chain):
                reporter.say(f"Put right after an unfinished backup: {path}")


def repair_chain(chain: Chain) -> list[Path]:
    """Remove what is of no complete backup; have repozo's list say the same.

    :return: what was changed.
    """
    changed = []
    complete = set(chains.stamps(chain.places.root, ".json"))
    for path in sorted(_without_record(chain.places.root, complete)):
        files.remove_tree(path)
        changed.append(path)
    # Last of all: the paths in it are still to be removed if this is killed.
    for path in sorted(_intended(chain.places.root)):
        if _stamp_of(path) not in complete:
            _remove_blobs(chain, path)
        files.remove_tree(path)
        changed.append(path)
    listed = chain.places.dat
    # Where something is damaged it is left as it is, for people to look at.
    if not chain.damage and files.write_if_changed(listed, units.dat(chain.units)):
        changed.append(listed)
    return changed


def _without_record(folder: Path, complete: set[str]) -> Iterator[Path]:
    for name in os.listdir(folder):
        path = folder / name
        stamp, dot, rest = name.partition(".")
        part = dot + rest in _PARTS and moments.is_stamp(stamp)
        if (part and stamp not in complete) or (
            # A verification may be writing what it found at this moment.
            files.is_partial(path)
            and ".verified.json-" not in name
            and path not in set(_intended(folder, name))
        ):
            yield path


def _intended(folder: Path, name: str = "") -> Iterator[Path]:
    for each in [name] if name else os.listdir(folder):
        path = folder / each
        named = each.endswith(_INTENDED) and moments.is_stamp(_stamp_of(path))
        if named and files.is_partial(path):
            yield path


def _stamp_of(path: Path) -> str:
    return path.name.removeprefix(files.PARTIAL_PREFIX).removesuffix(_INTENDED)


def _remove_blobs(chain: Chain, intended: Path) -> None:
    """Remove the blobs that an unfinished backup may have added.

    They are all of transactions after the last that the chain has.
    """
    last = chain.newest.tid if chain.units else ""
    top = chain.places.blobs
    for path in intended.read_text("ascii", errors="replace").splitlines():
        try:
            newer = blobs.tid_of(path) > last
        except DamagedError:
            continue
        if newer and last:
            largefiles.remove_with_folders(top / path, top)
