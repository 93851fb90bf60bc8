"""The backups that there are: chains of a full backup and its increments."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base.errors import DamagedError, RefusedError
from karl.recipe.zeoserver.backups import moments, units
from karl.recipe.zeoserver.backups.units import Unit
from karl.recipe.zeoserver.layouts.repository import ChainLayout, RepositoryLayout


@dataclass(frozen=True)
class Chain:
    """A full backup and its increments, oldest first.

    :ivar damage: why nothing can be added to it; empty: it is well.
    """

    places: ChainLayout
    units: tuple[Unit, ...]
    damage: str = ""

    @property
    def stamp(self) -> str:
        """Its name, the stamp of its full backup."""
        return self.places.stamp

    @property
    def full(self) -> Unit:
        """Its full backup."""
        return self.units[0]

    @property
    def newest(self) -> Unit:
        """Its last backup."""
        return self.units[-1]

    def upto(self, unit: Unit) -> tuple[Unit, ...]:
        """Return the units that are needed to restore one of them."""
        return self.units[: self.units.index(unit) + 1]


def load(repository: RepositoryLayout) -> tuple[Chain, ...]:
    """Return every chain with its complete backups, oldest first.

    A folder that is not called like a chain, or has no record of a full backup,
    is none of ours.
    """
    found = (read(ChainLayout(folder)) for folder in folders(repository))
    return tuple(chain for chain in found if chain is not None)


def folders(repository: RepositoryLayout) -> list[Path]:
    """Return what is called like a chain, oldest first."""
    try:
        names = sorted(os.listdir(repository.root))
    except FileNotFoundError:
        return []
    return [
        repository.chain(name).root
        for name in names
        if moments.is_stamp(name) and (repository.root / name).is_dir()
    ]


def stamps(folder: Path, suffix: str) -> list[str]:
    """Return the stamps of the files of one kind in a chain, oldest first."""
    return sorted(
        stamp
        for stamp, dot, rest in (name.partition(".") for name in os.listdir(folder))
        if dot + rest == suffix and moments.is_stamp(stamp)
    )


def read(places: ChainLayout) -> Chain | None:
    """Return a chain up to its first damage; None: it is none."""
    found: list[Unit] = []
    damage = ""
    try:
        known = stamps(places.root, ".json")
    except FileNotFoundError:
        return None
    for stamp in known:
        try:
            unit = units.read_unit(places.unit(stamp), places.stamp)
            _check_place(unit, found)
        except DamagedError as error:
            damage = error.message
            break
        found.append(unit)
    # It may have been removed meanwhile, as one of the oldest.
    if not known or not places.root.is_dir():
        return None
    return Chain(places, tuple(found), damage)


def _check_place(unit: Unit, before: Sequence[Unit]) -> None:
    """Check that a backup fits those before it, and has its files.

    :raises DamagedError: it does not.
    """
    expected = (before[-1].end, before[-1].copy) if before else (0, unit.copy)
    if (unit.start, unit.copy) != expected or (unit.full and before):
        raise DamagedError(
            f"The backup {unit.name} does not continue the one before it.", units.ADVICE
        )
    for path, size in ((unit.data, unit.size), (unit.places.blob_manifest, None)):
        try:
            found = path.stat().st_size
        except OSError:
            raise DamagedError(f"{path} is missing.", units.ADVICE) from None
        if size not in {None, found}:
            raise DamagedError(
                f"{path} has {found} bytes, not {size} as it was written.", units.ADVICE
            )


def next_stamp(repository: RepositoryLayout, now: float) -> str:
    """Return a stamp that no backup has; the newest of all.

    :param now: seconds since the epoch.
    """
    return moments.stamp(now, max(_stamps_used(repository), default=""))


def _stamps_used(repository: RepositoryLayout) -> Iterator[str]:
    for folder in folders(repository):
        yield folder.name
        yield from stamps(folder, ".json")


def newest(chains: Sequence[Chain]) -> Unit | None:
    """Return the newest backup."""
    units = [chain.newest for chain in chains if chain.units]
    return units[-1] if units else None


def find(chains: Sequence[Chain], name: str) -> tuple[Chain, Unit]:
    """Return a backup by its name, ``CHAIN/STAMP`` or the stamp alone.

    :raises RefusedError: there is none.
    """
    for chain in chains:
        for unit in chain.units:
            if name in {unit.name, unit.stamp}:
                return chain, unit
    raise RefusedError(
        f"There is no backup {name}.", "See zeoctl backups for those that there are."
    )
