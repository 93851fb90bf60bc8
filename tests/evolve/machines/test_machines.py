"""The two machines that other tests use are as separate as they must be."""

from __future__ import annotations

import pytest
from support import machines, sshd
from support.waiting import eventually

WHY = machines.missing()
pytestmark = pytest.mark.skipif(bool(WHY), reason=WHY or "-")


@pytest.fixture(scope="module")
def network():
    """Return two machines."""
    with machines.network() as found:
        yield found


def test_each_has_its_own_user_and_name(network):
    """Users, host names and processes are those of the machine."""
    assert network.db.run(["id", "-un"]) == "zeo\n"
    assert network.web.run(["id", "-un"]) == "acme\n"
    assert network.db.run(["hostname"]) == "db1\n"
    assert "web1" not in network.db.run(["cat", "/etc/passwd"])
    assert not set(network.db.processes()) & set(network.web.processes())


def test_neither_can_read_files_of_the_other(network):
    """Not by the same path, and not by the path that it really has."""
    network.db.write("/srv/secret", "data")
    assert network.db.run(["cat", "/srv/secret"]) == "data"
    network.web.run(["cat", "/srv/secret"], code=1)
    network.web.run(["cat", network.db.outside("/srv/secret")], code=1)
    network.web.run(["ls", network.db.base], code=2)


def test_they_reach_each_other_by_name_alone(network):
    """A key that is let in runs commands there as the other user; nothing else does."""
    web, server = network.web, network.ssh
    key = "/home/acme/key"
    web.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])
    server.allow(web.run(["cat", f"{key}.pub"]).strip(), "zeo")
    words = ["ssh", "-i", key, "-o", "BatchMode=yes", "zeo@db1.example.org"]
    trusting = [*words[:-1], "-o", "StrictHostKeyChecking=accept-new", words[-1]]
    assert web.run([*trusting, "id -un; hostname"]) == "zeo\ndb1\n"
    network.db.cable(joined=False)
    web.run([*words[:-1], "-o", "ConnectTimeout=1", words[-1], "true"], code=255)
    network.db.cable(joined=True)
    assert web.run([*words, "id -un"]) == "zeo\n"


def test_its_orphans_are_taken_in(network):
    """What is left of a process that ended is gone from the table of processes."""
    web = network.web
    web.run(["sh", "-c", "(sleep 0.1 &) ; true"])
    eventually(lambda: sshd.children(web.first) == [])
