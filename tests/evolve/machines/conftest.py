"""A site and its databases on two machines, connected as the page says."""

from __future__ import annotations

import contextlib

import pytest
from support import machines
from support.machinesites import CENTRAL, STORAGE, Pair
from support.servedsites import unpacked


@contextlib.contextmanager
def connected(folder, **changes):
    """Give the two machines with all that both need, and release 1.0 at work."""
    with machines.network() as network:
        pair = Pair(network)
        pair.make_database(**changes)
        certify(pair)
        pair.zeoctl("init", STORAGE)
        pair.zeoctl("start", STORAGE)
        open_door(pair)
        pair.make_site(unpacked(folder))
        pair.carry_certificates()
        pair.evolve("1.0")
        pair.site("site", "start")
        yield pair


def certify(pair):
    """Make the certificates of both ends."""
    for words in (
        "authority",
        "server acme-prod.db1.example.org db1.example.org 192.0.2.10",
        "client acme-prod",
    ):
        words = [*words.split(), "--authority", STORAGE]
        pair.zeoctl("certificate", *words)


def open_door(pair):
    """Let the site's key in, for its storage alone."""
    web = pair.network.web
    web.make_folder("/home/acme/.ssh")
    key = "/home/acme/.ssh/zeo"
    web.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])
    public = web.run(["cat", f"{key}.pub"]).strip()
    options = f'restrict,command="{CENTRAL}/bin/zeoctl-ssh {STORAGE}"'
    pair.network.ssh.allow(public, "zeo", options)
    web.shell("ssh-keyscan db1.example.org > ~/.ssh/known_hosts")
    web.write(
        "/home/acme/.ssh/config",
        "Host db1.example.org\n"
        "    User zeo\n"
        "    IdentityFile ~/.ssh/zeo\n"
        "    BatchMode yes\n"
        "    ConnectTimeout 5\n"
        "    ServerAliveInterval 1\n"
        "    ServerAliveCountMax 3\n",
        0o600,
    )


@pytest.fixture
def pair(tmp_path_factory):
    """Return the two machines, with release 1.0 at work."""
    with connected(tmp_path_factory.getbasetemp() / "software") as found:
        yield found
