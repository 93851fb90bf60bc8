"""Private certificate authorities: for trying TLS out, and for small sites.

A server accepts every client of the authority that it trusts: sites that must not
reach each other's databases have an authority each.

Its certificates satisfy the strict checks of X.509 that ZEO asks for.  Keys are on
elliptic curve P-256, readable by their owner alone, and never overwritten.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError, RefusedError, UsageError
from karl.recipe.release.base.names import checked_label
from karl.recipe.zeoserver.layouts.certificates import (
    CertificateLayout,
    CertificatesLayout,
)

#: Days that the authority is valid.
AUTHORITY_DAYS = 3650

#: Days that a certificate is valid.
DAYS = 825

#: A clock that is a little behind must not refuse a new certificate.
_LEEWAY = dt.timedelta(minutes=10)

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")

#: What a certificate is for.
_PURPOSES = {
    "server": ExtendedKeyUsageOID.SERVER_AUTH,
    "client": ExtendedKeyUsageOID.CLIENT_AUTH,
}


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


def check_request(kind: str, names: Sequence[str]) -> None:
    """Check what a certificate is asked for.

    :param kind: ``authority``, ``server`` or ``client``.
    :param names: hosts of a server; the name of a client.
    :raises UsageError: there are too few or too many, or one cannot be.
    """
    wanted = {"authority": (0, 0), "server": (1, 100), "client": (1, 1)}[kind]
    if not wanted[0] <= len(names) <= wanted[1]:
        raise UsageError(
            {
                "authority": "The authority has no other name.",
                "server": "A server needs the names that clients use for it.",
                "client": "A client has one name.",
            }[kind],
            "See --help.",
        )
    for name in names:
        if kind == "server":
            _general_name(name)
        else:
            checked_label(name)


def make_authority(
    places: CertificatesLayout,
    authority: str,
    owner: str,
    days: int = AUTHORITY_DAYS,
) -> Certificate:
    """Make an authority.

    :param authority: its name.
    :param owner: part of what it calls itself.
    :param days: how long it is valid.
    :raises RefusedError: there is one.
    """
    here = places.authority(authority)
    _check_new(here)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(_common_name(f"{owner} {authority}"), key, days)
        .issuer_name(_common_name(f"{owner} {authority}"))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()),
            critical=False,
        )
    )
    _write(here, builder.sign(key, hashes.SHA256()), key)
    return read(here)


def make_server(
    places: CertificatesLayout,
    authority: str,
    hosts: Sequence[str],
    days: int = DAYS,
) -> Certificate:
    """Make the certificate of a server.

    :param authority: which signs it.
    :param hosts: names and addresses under which clients know it; the first one
        names the files.
    :raises UsageError: one is neither a name nor an address.
    :raises RefusedError: there is no authority, or there is such a certificate.
    """
    names = [_general_name(host) for host in hosts]
    here = places.server(_file_name(hosts[0]))
    return _issue(places.authority(authority), here, hosts[0], names, days)


def make_client(
    places: CertificatesLayout, authority: str, name: str, days: int = DAYS
) -> Certificate:
    """Make the certificate of a client.

    :param authority: which signs it.
    :raises UsageError: *name* cannot name a file.
    :raises RefusedError: there is no authority, or there is such a certificate.
    """
    return _issue(places.authority(authority), places.client(name), name, [], days)


def every(places: CertificatesLayout) -> list[Certificate]:
    """Return all authorities and certificates.

    :raises DamagedError: one cannot be read.
    """
    return [read(each) for each in places.every() if each.certificate.is_file()]


def read(here: CertificateLayout) -> Certificate:
    """Return what a certificate says.

    :raises DamagedError: it cannot be read.
    """
    found = _load(here)
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


def _issue(
    authority: CertificateLayout,
    here: CertificateLayout,
    name: str,
    hosts: Sequence[x509.GeneralName],
    days: int,
) -> Certificate:
    _check_new(here)
    if not authority.certificate.is_file():
        raise RefusedError(
            f"There is no certificate authority {authority.name}.",
            f"Make it: zeoctl certificate authority --authority {authority.name}.",
        )
    issuer, issuer_key = _load(authority), _load_key(authority)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(_common_name(name), key, days)
        .issuer_name(issuer.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
        .add_extension(x509.ExtendedKeyUsage([_PURPOSES[here.kind]]), critical=False)
    )
    if hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(hosts), critical=False
        )
    _write(here, builder.sign(issuer_key, hashes.SHA256()), key)
    return read(here)


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    if not 1 <= days <= 36500:
        raise UsageError(
            f"A certificate cannot be valid for {days} days.",
            "Give a number of days from 1 to 36500.",
        )
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LEEWAY)
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
    )


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not _HOST.match(host) or len(host) > 253 or _looks_like_an_address(host):
        raise UsageError(
            f"{host!r} is neither the name nor the address of a host.",
            "Give names such as zeo.example.org, in small letters, or addresses.",
        )
    return x509.DNSName(host)


def _looks_like_an_address(host: str) -> bool:
    return host.rpartition(".")[2].isdigit()


def _file_name(host: str) -> str:
    return checked_label(host.replace(":", "_").strip("_") or "address")


def _check_new(here: CertificateLayout) -> None:
    for path in (here.certificate, here.key):
        if path.exists() or path.is_symlink():
            raise RefusedError(
                f"{path} is there; a certificate is never overwritten.",
                "Move it and its key away first, if a new one is to take its place.",
            )


def _write(
    here: CertificateLayout, made: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> None:
    """Write the key first: without it a certificate is of no use."""
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


def _load(here: CertificateLayout) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(here.certificate.read_bytes())
    except ValueError as error:
        raise _unreadable(here.certificate, error) from None


def _load_key(here: CertificateLayout) -> ec.EllipticCurvePrivateKey:
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
