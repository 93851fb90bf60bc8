"""Staging gets production's data, with real database servers and real scrubbing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from support.refreshes import (
    FUNCTION,
    SECRET,
    Production,
    Staging,
    served,
    site_files,
    storage_files,
)
from support.upgrades import killed
from support.waiting import eventually
from support.zeoservers import boxes, get

from karl.recipe.evolve.upgrade import refreshing
from karl.recipe.evolve.upgrade.model import REFRESH
from karl.recipe.evolve.upgrade.phases import STEPS

pytestmark = pytest.mark.slow


@pytest.fixture
def sites():
    """Return a production site and a staging site, of one database server."""
    with boxes() as make:
        box = make("live", "acme")
        yield Production(box), Staging(box)


def test_refresh(sites):
    """The data come evolved and scrubbed; production is as it was, byte for byte."""
    production, staging = sites
    look, seen = staging.looking()
    staging.scrub(look, FUNCTION)
    before = storage_files(staging.box, production.storage), site_files(production)
    own = staging.data(1)
    planned = staging.refresh("--dry-run")
    assert (planned["kind"], planned["changed"]) == ("refresh", False)
    assert "the data of live, backup 20" in planned["reason"]
    done = staging.refresh()
    assert (done["outcome"], done["source"]) == ("done", "live")
    assert done["scrubbed"] == [" ".join(look), *FUNCTION]
    after = storage_files(staging.box, production.storage), site_files(production)
    assert after == before
    assert staging.check_refreshed() == 2
    assert "the data of live" in Path(done["report"]).read_text()

    # While it was scrubbed it was what it had been, and nobody could reach it.
    told = json.loads(seen.read_text())
    (copy,) = (each for each in told["state"]["copies"] if each["number"] == 2)
    assert (copy["withheld"], copy["source"]) == (True, "live")
    assert told["state"]["serving"] == {"a": 1}
    assert (told["SITE"], told["COPY"]) == ("acme-prod", "2")
    assert told["PYTHON"].endswith("releases/1.1/bin/python")
    assert told["mail"] == SECRET
    with staging.box.client(staging.storage) as db:
        assert get(db, "looked") is True

    # What staging had is still there.
    assert staging.data(1) == own
    assert "Refresh 1" in staging.evolve("status")["text"]
    staging.evolve("--rollback")
    assert staging.root_of()["written"] == "staging's own"


def test_as_of_a_time_while_production_is_used(sites):
    """An older state comes if asked for; production serves and is backed up."""
    production, staging = sites
    tid = production.write(SECRET)
    production.write("carol@example.org")
    production.zeoctl("backup", production.storage)
    staging.scrub(("/bin/true",))
    load = staging.box.load(production.storage)
    load.wait(5)
    assert staging.refresh("--at", tid)["outcome"] == "done"
    assert {each["error"] for each in load.stop()} == {None}
    with staging.box.client(staging.storage) as db:
        assert get(db, "mail") == SECRET
    assert staging.facts()["live"] == 2


def test_failures(sites):
    """Whatever fails, staging has what it had; what came is gone, seen by nobody."""
    _, staging = sites
    before = staging.facts()

    def check(step, message, **told):
        error = staging.refresh(code=told.pop("code", 1))["error"]
        assert f"The step {step} failed" in error["message"]
        assert message in error["message"]
        assert "The site is as it was before." in error["message"]
        assert staging.facts() == before
        assert staging.secrets() == []
        assert sorted(staging.box.state("acme").copies) == [1]

    staging.scrub(FUNCTION, ("acme.scrubbing:failing",))
    check("scrub", "ValueError: no such profile")
    staging.scrub(FUNCTION, ("/bin/sh", "-c", "echo no such file; exit 3"))
    check("scrub", "failed")
    staging.scrub(("acme.scrubbing:missing",))
    check("scrub", "cannot be called", code=2)
    # Nothing that failed so far was ever served.
    assert served(staging) == set()
    staging.scrub(FUNCTION)
    staging.stand_in(sick=[3])
    check("try", "it is not healthy")
    staging.stand_in(tried=True)
    staging.stand_in(sick=[4])
    check("restart", "did not come up", code=1)
    staging.stand_in(sick=[])
    assert staging.refresh()["outcome"] == "done"
    staging.check_refreshed()


def test_data_that_are_newer_than_the_release(sites):
    """A site whose software is older than the data does not get them."""
    production, staging = sites
    production.evolve("1.1")
    production.zeoctl("backup", production.storage)
    staging.switch("1.0")
    staging.site("restart")
    before = staging.facts()
    error = staging.refresh(code=3)["error"]
    assert "newer software" in error["message"]
    assert staging.facts() == before
    assert staging.secrets() == []


#: Steps at which a killed refresh has something to show.
STEPS_TO_KILL = [
    (place, step.name)
    for place, step in enumerate(STEPS[REFRESH], 1)
    if step.name not in {"wait", "deferred"}
    and not step.name.startswith(("before-", "after-"))
]


def test_killed_and_aborted(sites):
    """Killed where a step is begun, --abort leaves what staging had, and nothing else.

    Production is as it was, byte for byte.
    """
    production, staging = sites
    before, live = staging.facts(), storage_files(staging.box, production.storage)
    for place, name in STEPS_TO_KILL:
        assert killed(staging, 2 * place, "after", main=refreshing.main), name
        assert name in staging.evolve("status")["run"]["steps"][-1]["name"]
        refused = staging.refresh(code=3)["error"]
        assert "was interrupted" in refused["message"]
        undone = staging.refresh("--abort") if place % 2 else staging.evolve("--abort")
        assert undone["outcome"] == "undone"
        assert staging.facts() == {**before, "tid": before["tid"]}, name
        assert sorted(staging.box.state("acme").copies) == [1], name
        assert staging.secrets() == [], name
    assert storage_files(staging.box, production.storage) == live


def test_killed_and_resumed(sites):
    """Killed where a step is done and not recorded, --resume brings the data."""
    _, staging = sites
    for place, name in STEPS_TO_KILL:
        assert killed(staging, 2 * place + 1, "before", main=refreshing.main), name
        done = staging.refresh("--resume") if place % 2 else staging.evolve("--resume")
        assert done["outcome"] == "done", name
        staging.check_refreshed()


def test_killed_while_it_scrubs(sites):
    """What scrubs ends too; nobody is served the copy; it is scrubbed anew, or gone."""
    _, staging = sites
    begun = staging.root / "begun"
    slow = ("/bin/sh", "-c", f"touch {begun}; test -e {begun}.again || sleep 1000")
    staging.scrub(slow, FUNCTION)
    for ending in ("--abort", "--resume"):
        process = subprocess.Popen(
            [staging.layout.bin / "refresh-staging", "--quiet"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(begun.exists)
        (sleeping,) = eventually(lambda: _running(str(begun)))
        process.kill()
        process.wait()
        eventually(lambda pid=sleeping: not os.path.exists(f"/proc/{pid}"))
        begun.unlink()
        number = max(staging.box.state("acme").copies)
        refused = staging.box.zeoctl("serve", "acme", str(number), code=3)
        assert "has the data of live" in str(refused)
        Path(f"{begun}.again").touch()
        assert staging.refresh(ending)["outcome"] in {"done", "undone"}
        Path(f"{begun}.again").unlink()
    staging.check_refreshed()


def test_told_to_end(sites):
    """A run that is told to end undoes what it did."""
    _, staging = sites
    begun = staging.root / "begun"
    staging.scrub(("/bin/sh", "-c", f"touch {begun}; sleep 1000"))
    before = staging.facts()
    process = subprocess.Popen(
        [staging.layout.bin / "refresh-staging", "--quiet"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    eventually(begun.exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 130
    assert staging.facts() == before
    assert staging.secrets() == []


def _running(word: str) -> list[int]:
    """Return the processes whose command line has a word in it."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode()
        except OSError:
            continue
        if f"touch {word}" in words:
            found.append(int(folder.name))
    return found
