"""The places of certificate authorities and of what they signed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base.names import checked_label


@dataclass(frozen=True)
class CertificateLayout:
    """The places of one certificate.

    :ivar kind: ``authority``, ``server`` or ``client``.
    :ivar folder: of all of its kind.
    :ivar name: of the files.
    """

    kind: str
    folder: Path
    name: str

    @property
    def certificate(self) -> Path:
        """The certificate."""
        return self.folder / f"{self.name}.pem"

    @property
    def key(self) -> Path:
        """Its key, which only its owner may read."""
        return self.folder / f"{self.name}.key"


@dataclass(frozen=True)
class CertificatesLayout:
    """The places of certificate authorities and of what they signed.

    :ivar root: the folder.
    """

    root: Path

    def authority(self, name: str) -> CertificateLayout:
        """Return the places of an authority."""
        folder = self.root / "authority"
        return CertificateLayout("authority", folder, checked_label(name))

    def server(self, name: str) -> CertificateLayout:
        """Return the places of a server's certificate."""
        return CertificateLayout("server", self.root / "server", checked_label(name))

    def client(self, name: str) -> CertificateLayout:
        """Return the places of a client's certificate."""
        return CertificateLayout("client", self.root / "client", checked_label(name))

    def every(self) -> list[CertificateLayout]:
        """Return the places of all that are there, by kind and name."""
        found: list[CertificateLayout] = []
        for kind in ("authority", "server", "client"):
            folder = self.root / kind
            found += [
                CertificateLayout(kind, folder, path.stem)
                for path in sorted(folder.glob("*.pem"))
            ]
        return found
