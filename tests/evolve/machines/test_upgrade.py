"""A whole upgrade whose database server is another machine, behind TLS and ssh."""

from __future__ import annotations

import pytest
from support import machines
from support.machinesites import CENTRAL, SITE, STORAGE, Pair

WHY = machines.missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(WHY), reason=WHY or "-"),
]

_CONNECT = """
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
if len(sys.argv) > 2:
    context.load_cert_chain(*sys.argv[2:])
raw = socket.create_connection(("db1.example.org", 8100), timeout=10)
with context.wrap_socket(raw, server_hostname="db1.example.org") as joined:
    print(len(joined.recv(1)))
"""


def test_an_upgrade_and_the_way_back(pair):
    """Visitors notice nothing but refused writes; the copy evolves through a server."""
    old = data(pair, 1)
    with pair.visited() as visits:
        done = pair.evolve("1.1")
    assert done["outcome"] == "done"
    check_visits(pair, visits)
    assert pair.facts() == {**pair.BEFORE, "live": 2, "served": [2], "current": 2,
                            "workers": {2}}  # fmt: skip
    assert pair.read("root['evolved']") == 1
    assert pair.read("root['things']['thing-7']['evolved']")
    assert pair.read("root['summary'].open().read().decode()") == "evolved"
    # The old copy has what was committed, and nothing of what evolved.
    assert data(pair, 1).startswith(old)
    assert b"summary" not in data(pair, 1)
    assert pair.ask("/late", "POST") == 200
    refused = pair.evolve("--rollback", code=3)["error"]
    assert "would lose" in refused["message"]
    assert pair.facts()["current"] == 2
    pair.evolve("--rollback", "--discard-writes")
    assert pair.facts() == {**pair.BEFORE, "current": 1}
    assert pair.read("root.get('evolved')") is None


def test_neither_can_read_what_is_the_other_s(pair):
    """The site has no file of the database, and the databases none of the site."""
    web, db = pair.network.web, pair.network.db
    status = pair.zeoctl("status", STORAGE, "--copies")
    path = f"{CENTRAL}/{STORAGE}/databases/{status['live']['number']}/Data.fs"
    assert db.outside(path).is_file()
    for each in (path, db.outside(path), db.base):
        web.run(["ls", each], code=2)
    for each in (SITE, web.outside(SITE), web.base):
        db.run(["ls", each], code=2)


def test_strangers_are_refused(pair):
    """Without the client's certificate nobody gets to the database."""
    web = pair.network.web
    tls = f"{SITE}/etc/tls"
    ours = [f"{tls}/acme-prod.pem", f"{tls}/acme-prod.key"]
    authority = f"{tls}/authority.pem"
    assert web.python(_CONNECT, authority, *ours) == "1\n"
    assert web.python(_CONNECT, authority, code=None) != "1\n"


def data(pair: Pair, number: int) -> bytes:
    """Return every byte of a copy's Data.fs."""
    path = f"{CENTRAL}/{STORAGE}/databases/{number}/Data.fs"
    return pair.network.db.outside(path).read_bytes()


def check_visits(pair, visits):
    """Assert that no read failed, and that no accepted write is lost."""
    seen = visits()
    assert {status for method, _, status, _ in seen if method == "GET"} == {200}
    assert {status for method, _, status, _ in seen if method == "POST"} == {200, 503}
    accepted = {path for method, path, status, _ in seen
                if (method, status) == ("POST", 200)}  # fmt: skip
    there = set(pair.read("[key for key in root if key.startswith('/')]"))
    assert accepted <= there
