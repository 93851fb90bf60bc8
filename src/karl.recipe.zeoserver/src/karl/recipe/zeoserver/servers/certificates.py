"""Private certificate authorities: for trying TLS out, and for small sites.

A server accepts every client of the authority that it trusts: sites that must not
reach each other's databases have an authority each.

Its certificates satisfy the strict checks of X.509 that ZEO asks for.  Keys are on
elliptic curve P-256, readable by their owner alone, and never overwritten.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from karl.recipe.release.base.errors import RefusedError, UsageError
from karl.recipe.release.base.names import checked_label
from karl.recipe.zeoserver.declaration import addresses
from karl.recipe.zeoserver.layouts.certificates import (
    CertificateLayout,
    CertificatesLayout,
)
from karl.recipe.zeoserver.servers import certificatefiles
from karl.recipe.zeoserver.servers.certificatefiles import Certificate

#: Days that the authority is valid.
AUTHORITY_DAYS = 3650

#: Days that a certificate is valid.
DAYS = 825

#: A clock that is a little behind must not refuse a new certificate.
_LEEWAY = dt.timedelta(minutes=10)

#: What a certificate is for.
_PURPOSES = {
    "server": ExtendedKeyUsageOID.SERVER_AUTH,
    "client": ExtendedKeyUsageOID.CLIENT_AUTH,
}


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
    certificatefiles.check_new(here)
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
    certificatefiles.write(here, builder.sign(key, hashes.SHA256()), key)
    return certificatefiles.read(here)


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


def _issue(
    authority: CertificateLayout,
    here: CertificateLayout,
    name: str,
    hosts: Sequence[x509.GeneralName],
    days: int,
) -> Certificate:
    certificatefiles.check_new(here)
    if not authority.certificate.is_file():
        raise RefusedError(
            f"There is no certificate authority {authority.name}.",
            f"Make it: zeoctl certificate authority --authority {authority.name}.",
        )
    issuer, issuer_key = (
        certificatefiles.load(authority),
        certificatefiles.load_key(authority),
    )
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
    certificatefiles.write(here, builder.sign(issuer_key, hashes.SHA256()), key)
    return certificatefiles.read(here)


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
    if not addresses.is_host_name(host) or _looks_like_an_address(host):
        raise UsageError(
            f"{host!r} is neither the name nor the address of a host.",
            "Give names such as zeo.example.org, in small letters, or addresses.",
        )
    return x509.DNSName(host)


def _looks_like_an_address(host: str) -> bool:
    return host.rpartition(".")[2].isdigit()


def _file_name(host: str) -> str:
    return checked_label(host.replace(":", "_").strip("_") or "address")
