"""The private certificate authorities, and TLS with their certificates."""

from __future__ import annotations

import dataclasses
import datetime as dt
import gc
import logging
import socket
import ssl
import stat
import warnings

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from support.waiting import eventually
from support.zeoservers import get, put
from ZEO.Exceptions import ClientDisconnected

from karl.recipe.zeoserver.commands.zeoctl import main
from karl.recipe.zeoserver.declaration.model import Tls
from karl.recipe.zeoserver.servers import certificates, control


@pytest.fixture(scope="module")
def tls_box():
    """A server that trusts the clients of one authority, and two authorities."""
    from support.zeoservers import boxes

    with boxes() as make:
        box = make("acme")
        places = box.places.certificates
        for authority in ("acme", "globex"):
            certificates.make_authority(places, authority, "test")
            certificates.make_client(places, authority, authority)
        certificates.make_server(places, "acme", ["localhost", "127.0.0.1"])
        server = places.server("localhost")
        box.declare(
            "acme",
            addresses=box.tcp_addresses(),
            tls=Tls(
                str(server.certificate),
                str(server.key),
                str(places.authority("acme").certificate),
            ),
        )
        box.write()
        box.make_copy("acme")
        box.runner("acme")
        eventually(lambda: control.status(box.storage_places("acme"), "a"))
        yield box


def tls(box, client, authority="acme", **changes):
    """Return what a client uses."""
    places = box.places.certificates
    return dataclasses.replace(
        Tls(
            str(client.certificate),
            str(client.key),
            str(places.authority(authority).certificate),
        ),
        **changes,
    )


def refused(box, found):
    """Tell whether a client with these certificates cannot connect."""
    logging.getLogger("ZEO").setLevel(logging.CRITICAL)
    try:
        with box.client("acme", tls=found, wait_timeout=1) as db:
            get(db, "x")
    except ClientDisconnected:
        pass
    else:
        return False
    # ZEO's client gives up in the middle of a handshake, and leaves its socket to
    # the garbage collection, which would blame whichever test runs then.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    return True


def expired(box, authority="acme"):
    """Make a client's certificate of an authority that expired yesterday."""
    places = box.places.certificates
    here = places.client("expired")
    issuer = places.authority(authority)
    signer = serialization.load_pem_private_key(issuer.key.read_bytes(), None)
    good = x509.load_pem_x509_certificate(
        places.client("acme").certificate.read_bytes()
    )
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(
        good.issuer,
        good.subject,
        good.public_key(),
        x509.random_serial_number(),
        now - dt.timedelta(days=10),
        now - dt.timedelta(days=1),
        list(good.extensions),
    )
    made = builder.sign(signer, hashes.SHA256())
    here.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    here.key.write_bytes(places.client("acme").key.read_bytes())
    return here


def test_the_right_certificate_connects(tls_box):
    """A client of the trusted authority reads and writes."""
    found = tls(tls_box, tls_box.places.certificates.client("acme"))
    with tls_box.client("acme", tls=found) as db:
        put(db, "x", 1)
        assert get(db, "x") == 1


def test_another_authority_is_refused(tls_box):
    """A client of an authority that the server does not trust cannot connect."""
    assert refused(tls_box, tls(tls_box, tls_box.places.certificates.client("globex")))


def test_an_expired_certificate_is_refused(tls_box):
    """A certificate that was good until yesterday does not connect."""
    assert refused(tls_box, tls(tls_box, expired(tls_box)))


def test_no_certificate_is_refused(tls_box):
    """A client that speaks TLS and has no certificate is told nothing."""
    authority = tls_box.places.certificates.authority("acme").certificate
    context = ssl.create_default_context(cafile=str(authority))
    address = tls_box.central.storages["acme"].addresses["a"]
    with (
        socket.create_connection((address.host, address.port), timeout=10) as plain,
        pytest.raises((ssl.SSLError, ConnectionResetError)),
        context.wrap_socket(plain, server_hostname="localhost") as peer,
    ):
        assert peer.recv(1) == b""
        raise ConnectionResetError


def test_no_tls_is_refused(tls_box):
    """A client that speaks no TLS gets nowhere."""
    assert refused(tls_box, None)


def test_a_server_of_another_authority_is_not_trusted(tls_box):
    """The client checks the server as well."""
    client = tls_box.places.certificates.client("acme")
    assert refused(tls_box, tls(tls_box, client, authority="globex"))


def test_a_server_of_another_name_is_not_trusted(tls_box):
    """The server's certificate must have the name that the client expects."""
    client = tls_box.places.certificates.client("acme")
    assert refused(tls_box, tls(tls_box, client, server_hostname="zeo.example.org"))


def test_keys_are_closed_to_others(tls_box):
    """Keys can be read by their owner alone, and so can the folders."""
    for each in tls_box.places.certificates.every():
        if each.name != "expired":
            assert stat.S_IMODE(each.key.stat().st_mode) == 0o600
        assert stat.S_IMODE(each.folder.stat().st_mode) == 0o700


def test_nothing_is_overwritten(tls_box):
    """Asking for the same certificate again is refused, and the key stays."""
    key = tls_box.places.certificates.client("acme").key
    before = key.read_bytes()
    tls_box.zeoctl("certificate", "client", "acme", "--authority", "acme", code=3)
    tls_box.zeoctl("certificate", "authority", "--authority", "acme", code=3)
    assert key.read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ("client", "../escape"),
        ("client", ".hidden"),
        ("client", "a", "b"),
        ("client",),
        ("server",),
        ("server", "no spaces"),
        ("server", "UPPER.example"),
        ("server", "999.1.1.1"),
        ("server", "-x.example"),
        ("server", "a..b"),
        ("server", "localhost\n"),
        ("authority", "extra"),
        ("authority", "--authority", "../x"),
        ("client", "b", "--days", "0", "--authority", "acme"),
        ("nonsense",),
    ],
)
def test_hostile_names_are_refused(tls_box, words, capsys):
    """A name that cannot be, or is missing, is a usage error; nothing is written."""
    before = sorted(tls_box.places.etc.rglob("*"))
    assert main(str(tls_box.root), ["certificate", *words]) == 2
    assert "next:" in capsys.readouterr().err
    assert sorted(tls_box.places.etc.rglob("*")) == before


def test_certificates_are_listed_with_their_end(tls_box):
    """The list has every certificate; an expired one is called so."""
    expired(tls_box)
    found = tls_box.zeoctl("certificate", "list")["certificates"]
    states = {(each["kind"], each["certificate"]): each["state"] for each in found}
    places = tls_box.places.certificates
    assert states["client", str(places.client("expired").certificate)] == "expired"
    assert states["server", str(places.server("localhost").certificate)] == "valid"
    assert "expired" in tls_box.run("certificate", "list").stdout


def test_a_rehearsal_makes_nothing(tls_box):
    """--dry-run tells what would be made."""
    found = tls_box.zeoctl("certificate", "client", "later", "--dry-run")
    assert found["plan"] == ["make client later"]
    assert not tls_box.places.certificates.client("later").key.exists()
