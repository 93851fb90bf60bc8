"""A site and its databases on two machines, connected as the page says."""

from __future__ import annotations

import contextlib
import json
import sys

import pytest
from support import machines
from support.machinesites import CENTRAL, STORAGE, Pair
from support.servedsites import unpacked
from support.waiting import eventually


@contextlib.contextmanager
def connected(folder, **door):
    """Give the two machines with all that both need, and release 1.0 at work."""
    with machines.network() as network:
        pair = Pair(network)
        pair.make_database()
        certify(pair)
        pair.zeoctl("init", STORAGE)
        pair.zeoctl("start", STORAGE)
        open_door(pair, **door)
        pair.make_site(unpacked(folder))
        pair.carry_certificates()
        pair.fill()
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
        pair.zeoctl("certificate", *words.split(), "--authority", STORAGE)


def open_door(pair, command=f"{CENTRAL}/bin/zeoctl-ssh {STORAGE}"):
    """Let the site's key in, for its storage alone.

    :param command: what the key is good for.
    """
    web = pair.network.web
    web.make_folder("/home/acme/.ssh")
    key = "/home/acme/.ssh/zeo"
    web.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])
    public = web.run(["cat", f"{key}.pub"]).strip()
    pair.network.ssh.allow(public, "zeo", f'restrict,command="{command}"')
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


_PYTHON = f"env PYTHONPATH={machines.ROOT}/tests {sys.executable} -B"


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """Return the two machines; what comes through ssh has faults that are planned."""
    command = f"{_PYTHON} -m support.machinefaults {CENTRAL} {STORAGE}"
    folder = tmp_path_factory.getbasetemp() / "software"
    with connected(folder, command=command) as found:
        yield Faults(found)


class Faults:
    """Faults of what comes through ssh.

    :ivar pair: the machines.
    """

    def __init__(self, pair):
        self.pair = pair
        self.db = pair.network.db

    def plan(self, kind, *verbs):
        """Have commands fail once each."""
        self.clear()
        self.db.write("/srv/fault.json", json.dumps({"kind": kind, "verbs": verbs}))

    def clear(self):
        """Have nothing fail any more."""
        self.db.shell("rm -rf fault.json hit held go asked")

    def asked(self):
        """Return what was asked for: the fault that it met, and the command."""
        path = self.db.outside("/srv/asked")
        lines = path.read_text().splitlines() if path.exists() else []
        return [tuple(line.split(" ", 1)) for line in lines]

    def wait_until_held(self):
        """Wait until a command is in the middle of what it does."""
        eventually(lambda: self.db.outside("/srv/held").exists(), seconds=60)

    def go(self):
        """Let it go on."""
        self.db.write("/srv/go", "")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Return the two machines, with release 1.0 at work."""
    with connected(tmp_path_factory.getbasetemp() / "software") as found:
        yield found
