"""An upgrade that loses the database server's machine, in every way and moment."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
from support import machines
from support.machinesites import SITE
from support.waiting import eventually

WHY = machines.missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(WHY), reason=WHY or "-"),
]

#: The verbs that an upgrade and a rollback need.
UP = {"backup", "stage", "catch-up", "read-only", "writable", "serve", "adopt",
      "unserve", "status"}  # fmt: skip
BACK = {"serve", "adopt", "read-only", "unserve", "status"}


@pytest.fixture
def lost(faulty):
    """Return the machines, at release 1.0; make it so afterwards."""
    faulty.clear()
    pair = faulty.pair
    faulty.before = pair.facts()
    yield faulty
    faulty.clear()


def begin(pair, *words):
    """Begin ``evolve``."""
    return pair.network.web.begin([f"{SITE}/bin/evolve", *words, "--json", "--quiet"])


def ended(child, code):
    """Return the answer of what was begun, with its exit code."""
    out, err = child.communicate(timeout=300)
    assert child.returncode == code, out + err
    return json.loads(out)


def kill(pair):
    """Kill ``evolve`` as nothing can be cleaned up after."""
    assert pair.network.web.kill("evolve")


def check_before(lost):
    """Assert that production is as it was, and that one can write to it."""
    lost.clear()
    assert lost.pair.facts() == lost.before
    assert lost.pair.ask("/", "GET") == 200
    assert lost.pair.ask("/w", "POST") == 200


def check_new(pair):
    """Assert that the new release serves evolved data."""
    found = pair.facts()
    assert (found["mode"], found["site"], found["staged"]) == ("writable", "normal", [])
    assert (found["served"], found["workers"]) == ([found["live"]], {found["current"]})
    assert found["inhibited"] is None
    assert pair.read("root['evolved']") == 1
    assert pair.ask("/w", "POST") == 200


def back(lost):
    """Go back to release 1.0."""
    lost.clear()
    lost.pair.evolve("--rollback", "--discard-writes")
    found = lost.pair.facts()
    assert (found["live"], found["mode"]) == (lost.before["live"], "writable")
    assert lost.pair.read("root.get('evolved')") is None


@pytest.mark.parametrize("kind", ["before", "during", "after", "killed"])
def test_every_command_is_cut_off_once(lost, kind):
    """Its connection is lost, or zeoctl killed: an upgrade goes on, and so back."""
    pair = lost.pair
    with pair.visited() as visits:
        for words, verbs in (
            (("1.1",), UP),
            (("--rollback", "--discard-writes"), BACK),
        ):
            lost.plan(kind)
            done = pair.evolve(*words)
            assert done["outcome"] == "done"
            assert not done["warnings"]
            hit = {line.split()[1] for fault, line in lost.asked() if fault == kind}
            assert verbs <= hit
            lost.clear()
            if words == ("1.1",):
                check_new(pair)
    seen = visits()
    assert {status for method, _, status, _ in seen if method == "GET"} == {200}
    assert {status for method, _, status, _ in seen if method == "POST"} <= {200, 503}
    found = pair.facts()
    assert (found["live"], found["mode"]) == (lost.before["live"], "writable")
    assert found["served"] == lost.before["served"]


def test_a_server_of_ssh_that_is_away_for_a_while(lost):
    """It is asked again until it is back, and then all goes on."""
    pair, ssh = lost.pair, lost.pair.network.ssh
    lost.plan("hold", "adopt")
    child = begin(pair, "1.1")
    lost.wait_until_held()
    ssh.stop()
    time.sleep(2)
    lost.go()
    ssh.start()
    assert ended(child, 0)["outcome"] == "done"
    check_new(pair)
    back(lost)


@pytest.mark.parametrize(
    ("verb", "then"),
    [("stage", "--abort"), ("read-only", "--abort"), ("read-only", "--resume"),
     ("adopt", "--resume")],
)  # fmt: skip
def test_a_server_of_ssh_that_is_away_for_good(lost, verb, then):
    """The run ends, and says what to do; once it is back, that works."""
    pair, ssh = lost.pair, lost.pair.network.ssh
    lost.plan("hold", verb)
    child = begin(pair, "1.1")
    lost.wait_until_held()
    ssh.stop()
    lost.go()
    try:
        error = ended(child, 6)["error"]
        assert f"zeoctl {verb} ended with status 255" in error["message"]
        assert "evolve --abort" in error["next"] or "--resume" in error["next"]
        assert pair.ask("/") == 200
    finally:
        ssh.start()
    lost.clear()
    assert pair.evolve("1.1", code=3)["error"]
    pair.evolve(then)
    if then == "--abort":
        check_before(lost)
    else:
        check_new(pair)
        back(lost)


def test_a_long_stage_whose_connection_is_lost(lost):
    """It is waited for, however long it takes, and then done again."""
    pair, ssh = lost.pair, lost.pair.network.ssh
    lost.plan("hold", "stage")
    child = begin(pair, "1.1")
    lost.wait_until_held()
    ssh.cut()
    eventually(
        lambda: any("--wait 3600" in line for _, line in lost.asked()), seconds=30
    )
    lost.go()
    ended(child, 0)
    check_new(pair)
    back(lost)


@pytest.mark.parametrize("how", ["interrupted", "killed"])
def test_a_run_that_ends_while_the_server_stages(lost, how):
    """What is left of it on the other machine is waited for, and given up."""
    pair = lost.pair
    lost.plan("hold", "stage")
    child = begin(pair, "1.1")
    lost.wait_until_held()
    if how == "killed":
        kill(pair)
        child.communicate()
        child = begin(pair, "--abort")
    else:
        for pid, line in pair.network.web.processes().items():
            if any(word.endswith("bin/evolve") for word in line):
                os.kill(pid, signal.SIGINT)
    time.sleep(3)
    assert child.poll() is None
    lost.go()
    found = ended(child, 0 if how == "killed" else 130)
    assert "retired database copy" in json.dumps(found)
    check_before(lost)
