"""Evolving through a database server."""

from __future__ import annotations

import pytest
import ZEO
from support.evolvesites import content, event, fill, run

pytestmark = pytest.mark.slow

CONFIGURATION = """
%import ZEO
<zodb main>
  <clientstorage>
    server {server}
    storage 1
    wait-timeout 2
  </clientstorage>
</zodb>
"""


@pytest.fixture
def data(tmp_path):
    """A small site."""
    return fill(tmp_path / "copy" / "Data.fs", 300)


def test_a_served_copy_evolves(packages, data, tmp_path):
    """Through a private server, status, dry run, and evolving are the same."""
    conf = tmp_path / "zodb.conf"
    address, stop = ZEO.server(str(data), threaded=False)
    conf.write_text(CONFIGURATION.format(server=f"{address[0]}:{address[1]}"))
    try:
        result = run(packages, "--zodb-conf", conf, "--dry-run", "--json")
        assert result.returncode == 0, result.stdout + result.stderr
        told = event(run(packages, "--zodb-conf", conf, "--json"), "status")
        assert {p["state"] for p in told["packages"]} == {"pending"}
        result = run(packages, "--zodb-conf", conf, "--evolve", "--json")
        assert result.returncode == 0, result.stdout + result.stderr
        assert run(packages, "--zodb-conf", conf, "--verify").returncode == 0
    finally:
        stop()
    assert content(data)["versions"] == {"product": 1, "addon": 1}
    result = run(packages, "--zodb-conf", conf, "--json")
    assert result.returncode == 8
    assert "does not answer" in event(result, "error")["message"]
