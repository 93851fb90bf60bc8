"""The places of a site that the database server needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base.names import checked_label
from karl.recipe.zeoserver.layouts.central import CentralLayout


@dataclass(frozen=True)
class SiteLayout:
    """The places of a site that is served from the same machine.

    :ivar root: beside that of the database server.
    """

    root: Path

    @classmethod
    def beside(cls, central: CentralLayout, name: str) -> SiteLayout:
        """Return the places of the site whose database a storage is."""
        return cls(central.root.parent / checked_label(name))

    @property
    def evolve(self) -> Path:
        """``bin/evolve``, which tells of the site."""
        return self.root / "bin" / "evolve"

    @property
    def caches(self) -> Path:
        """What can be fetched from the database server again."""
        return self.root / "var" / "cache"


@dataclass(frozen=True)
class ClientLayout:
    """The places of caches on a site's machine.

    :ivar root: the folder that the declaration names.
    """

    root: Path

    @classmethod
    def of(cls, folder: str) -> ClientLayout:
        """Return the places in a declared folder."""
        return cls(Path(folder))

    def cache(self, copy: str, name: str) -> Path:
        """Return the persistent cache of a copy, such as ``acme-prod-43``.

        :param name: what distinguishes the processes of a site.
        """
        return self.root / f"{copy}.{checked_label(name)}.zec"

    def blobs(self, copy: str) -> Path:
        """Return the folder for blobs of a copy, such as ``acme-prod-43``."""
        return self.root / f"{copy}.blobs"
