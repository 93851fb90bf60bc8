"""Network, server or machines fail while the evolve steps are at work."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from support import machines
from support.machinesites import SITE, STORAGE
from support.waiting import eventually

WHY = machines.missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(WHY), reason=WHY or "-"),
]


@contextlib.contextmanager
def evolving(pair):
    """Begin an upgrade, give it while a step pauses, and let the step go on."""
    web = pair.network.web
    web.shell("touch pause; rm -f paused")
    child = web.begin([f"{SITE}/bin/evolve", "1.1", "--json", "--quiet"])
    eventually(lambda: web.outside("/srv/paused").exists(), seconds=120)
    yield child
    web.shell("rm -f pause")


def ended(child):
    """Return the exit code and the answer of what was begun."""
    out, _ = child.communicate(timeout=300)
    return child.returncode, json.loads(out)


def check_before(pair, before):
    """Assert that production is as it was, and that one can write to it."""
    assert pair.facts() == before
    # Its client finds the server again by itself, after a while.
    eventually(lambda: pair.ask("/w", "POST") == 200, seconds=120)


def check_new(pair):
    """Assert that the new release serves evolved data; go back."""
    assert pair.facts()["mode"] == "writable"
    assert pair.read("root['evolved']") == 1
    assert pair.read("root['summary'].open().read().decode()") == "evolved"
    pair.evolve("--rollback", "--discard-writes")


def test_a_cable_that_is_out_for_a_while(pair):
    """The steps wait, and go on."""
    with evolving(pair) as child:
        pair.network.web.cable(joined=False)
    time.sleep(2)
    pair.network.web.cable(joined=True)
    code, told = ended(child)
    assert code == 0, told
    check_new(pair)


def test_a_cable_that_stays_out(pair):
    """The limit of the window ends the steps; back on the network, it is aborted."""
    before, web = pair.facts(), pair.network.web
    pair.declare_site(window=30.0)
    try:
        with evolving(pair) as child:
            web.cable(joined=False)
        code, told = ended(child)
        assert code == 6, told
        assert "evolve --abort" in told["error"]["next"]
    finally:
        web.cable(joined=True)
        pair.declare_site()
    pair.evolve("--abort")
    check_before(pair, before)


def test_the_copy_s_server_is_killed(pair):
    """It is started again, and the steps go on or the run is undone."""
    before = pair.facts()
    [free] = {"a", "b"} - {
        server["side"] for server in pair.zeoctl("status", STORAGE)["servers"]
    }
    with evolving(pair) as child:
        assert pair.network.db.kill("zeo-runner", free)
        eventually(lambda: serves(pair, free), seconds=60)
    code, told = ended(child)
    if code == 0:
        check_new(pair)
    else:
        assert "Production is as it was before" in told["error"]["message"]
        check_before(pair, before)


def serves(pair, side):
    """Tell whether a server answers on a side."""
    servers = pair.zeoctl("status", STORAGE)["servers"]
    return any(each["side"] == side and each["serves"] for each in servers)


def test_a_power_cut_of_the_site_s_machine(pair):
    """When it is on again, the run is gone on with."""
    with evolving(pair) as child:
        pair.network.power_cut(pair.network.web)
        child.communicate()
    pair.site("site", "start")
    assert "--resume" in pair.evolve("1.1", code=3)["error"]["next"]
    pair.evolve("--resume")
    check_new(pair)


def test_a_power_cut_of_the_databases_machine(pair):
    """The run ends or is ended; when the servers are started again, it is aborted."""
    before = pair.facts()
    with evolving(pair) as child:
        pair.network.power_cut(pair.network.db)
    code, told = ended(child)
    pair.zeoctl("start", STORAGE)
    if code == 6:
        pair.evolve("--abort")
    else:
        assert "Production is as it was before" in told["error"]["message"]
    check_before(pair, before)
