"""Certificates and their keys as files: written once, and read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError, RefusedError
from karl.recipe.zeoserver.layouts.certificates import (
    CertificateLayout,
    CertificatesLayout,
)

#: Days before its end in which a certificate is to be replaced.
SOON = 30


@dataclass(frozen=True)
class Certificate:
    """One certificate.

    :ivar kind: ``authority``, ``server`` or ``client``.
    :ivar name: of the host, or of the client.
    :ivar hosts: that a server may be reached as.
    :ivar expires: seconds since the epoch.
    :ivar key: path of the key, which stays on this machine or goes to its owner.
    :ivar fingerprint: sha256 of the certificate.
    """

    kind: str
    name: str
    hosts: tuple[str, ...]
    expires: float
    certificate: str
    key: str
    fingerprint: str

    def days_left(self, now: float) -> float:
        """Return the days until its end; less than none: it has expired.

        :param now: seconds since the epoch.
        """
        return (self.expires - now) / 86400


def every(places: CertificatesLayout) -> list[Certificate]:
    """Return all authorities and certificates.

    :raises DamagedError: one cannot be read.
    """
    return [read(each) for each in places.every() if each.certificate.is_file()]


def read(here: CertificateLayout) -> Certificate:
    """Return what a certificate says.

    :raises DamagedError: it cannot be read.
    """
    found = load(here)
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        hosts = tuple(str(each.value) for each in names.value)
    except x509.ExtensionNotFound:
        hosts = ()
    common = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Certificate(
        here.kind,
        str(common[0].value) if common else "",
        hosts,
        found.not_valid_after_utc.timestamp(),
        str(here.certificate),
        str(here.key),
        found.fingerprint(hashes.SHA256()).hex(),
    )


def check_new(here: CertificateLayout) -> None:
    """Refuse to write over a certificate or a key.

    :raises RefusedError: there is one.
    """
    for path in (here.certificate, here.key):
        if path.exists() or path.is_symlink():
            raise RefusedError(
                f"{path} is there; a certificate is never overwritten.",
                "Move it and its key away first, if a new one is to take its place.",
            )


def write(
    here: CertificateLayout, made: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> None:
    """Write a certificate and its key.

    The key first: without it a certificate is of no use.
    """
    folder = here.key.parent
    files.make_directory(folder)
    for each in (folder.parent, folder):
        each.chmod(0o700)
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    files.write(here.key, text, 0o600)
    files.write(here.certificate, made.public_bytes(serialization.Encoding.PEM))


def load(here: CertificateLayout) -> x509.Certificate:
    """Return a certificate.

    :raises DamagedError: it cannot be read.
    """
    try:
        return x509.load_pem_x509_certificate(here.certificate.read_bytes())
    except ValueError as error:
        raise _unreadable(here.certificate, error) from None


def load_key(here: CertificateLayout) -> ec.EllipticCurvePrivateKey:
    """Return the key of a certificate.

    :raises DamagedError: it cannot be read, or is none of ours.
    """
    try:
        key = serialization.load_pem_private_key(here.key.read_bytes(), None)
    except (FileNotFoundError, TypeError, ValueError) as error:
        raise _unreadable(here.key, error) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _unreadable(here.key, "it is of another kind")
    return key


def _unreadable(path: Path, reason: object) -> DamagedError:
    return DamagedError(
        f"{path} cannot be read: {reason}.",
        "Put it back from a backup; or make a new authority in another place, and "
        "all certificates anew.",
    )
