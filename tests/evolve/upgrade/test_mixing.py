"""Old software never meets new data, nor new software old data: real servers."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
import ZODB.config
from support.upgrades import STORAGE
from ZEO.Exceptions import ClientDisconnected


def binding(site, number, *, at=None, wait=1):
    """Return the ``zodb.conf`` of a revision.

    :param at: the revision whose address it is pointed at.
    :param wait: seconds that a client of it waits.
    """
    text = site.layout.revision(number).zodb_conf.read_text()
    if at is not None:
        own, other = (
            re.search(r"^ *server (.+)$", site.layout.revision(n).zodb_conf.read_text(),
                      re.MULTILINE)[1]
            for n in (number, at)
        )  # fmt: skip
        assert own != other
        text = text.replace(own, other)
    return re.sub(r"wait-timeout .*", f"wait-timeout {wait}", text)


def evolved(conf):
    """Open a database, and return what it says of itself."""
    db = ZODB.config.databaseFromString(conf)
    try:
        with db.transaction() as connection:
            return connection.root().get("evolved")
    finally:
        db.close()


def evolve_run(site, version, number, *words):
    """Run ``evolve-run`` with the software of a release on a revision's database."""
    return subprocess.run(
        [
            site.places.interpreter(version), "-I", "-B",
            site.layout.bin / "evolve-run", *words, "--json",
            "--zodb-conf", site.layout.revision(number).zodb_conf,
        ],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.slow
def test_software_and_data_that_do_not_belong_together(site):
    """The servers, the versions in the database and evolve itself refuse them."""
    site.evolve("1.1")
    site.check_new(copy=2, revision=2)
    site.zeoctl("serve", STORAGE, "1", "--read-only")
    assert evolved(binding(site, 1)) is None
    assert evolved(binding(site, 2)) == 1

    # The name of each copy is its own: at the other's address there is none of it.
    for number, other in ((1, 2), (2, 1)):
        with pytest.raises(ClientDisconnected):
            evolved(binding(site, number, at=other))

    # The old release, pointed at the new copy.
    before = site.data(2)
    for action in ("--status", "--evolve"):
        done = evolve_run(site, "1.0", 2, action)
        assert done.returncode == 3, done.stdout
        assert "newer software" in done.stdout
    refused = site.evolve("1.0", code=3)["error"]
    assert "newer than release 1.0" in refused["message"]
    assert "evolve --rollback" in refused["next"]
    assert site.data(2) == before

    # The new release, pointed at the old copy: it is told, and nobody can write.
    told = json.loads(evolve_run(site, "1.1", 1, "--status").stdout.splitlines()[0])
    assert told["packages"][0]["state"] == "pending"
    before = site.data(1)
    assert evolve_run(site, "1.1", 1, "--evolve").returncode == 1
    assert site.data(1) == before

    # A rollback of the release alone takes its own data along, which are read-only.
    site.switch("--rollback")
    assert site.switch("--list")["current"] == 1
    assert evolved(binding(site, 1)) is None
    refused = site.evolve("1.1", code=3)["error"]
    assert "bound to acme-1" in refused["message"]
    assert "zeoctl status, switch-version --list" in refused["next"]
    site.switch("--rollback", "--to", "2")
    site.zeoctl("unserve", STORAGE, "1")
    site.check_new(copy=2, revision=2)
