"""The whole of it, with real processes, generated commands, and visitors."""

from __future__ import annotations

import contextlib

import pytest
from support.servedsites import unpacked
from support.servedupgrades import ServedUpgrade
from support.upgrades import STORAGE
from support.zeoservers import boxes, get


@contextlib.contextmanager
def serving(tmp_path_factory, **options):
    software = unpacked(tmp_path_factory.getbasetemp() / "software")
    with boxes() as make:
        site = ServedUpgrade(make(STORAGE), software, **options)
        try:
            yield site
        finally:
            site.stop()


@pytest.fixture
def served(tmp_path_factory):
    """Return a site that serves release 1.0."""
    with serving(tmp_path_factory) as site:
        yield site


@pytest.fixture
def new(tmp_path_factory):
    """Return a site with an empty database and no live release."""
    with serving(tmp_path_factory, new=True) as site:
        yield site


@pytest.mark.slow
def test_a_new_customer(new):
    """The first release is tried, bound to the live copy, and made the live one."""
    new.zeoctl("stop", STORAGE)
    refused = new.evolve("1.1", code=8)["error"]
    assert "zeoctl start acme" in refused["next"]
    new.zeoctl("start", STORAGE)
    (new.root / "ill-1.1").touch()
    failed = new.evolve("1.1", code=1)["error"]
    assert "The step try failed" in failed["message"]
    assert "discarded revision 1" in failed["message"]
    (new.root / "ill-1.1").unlink()

    assert new.evolve("1.1", "--dry-run")["kind"] == "first"
    done = new.evolve("1.1")
    assert (done["kind"], done["outcome"], done["window"]) == ("first", "done", None)
    assert new.switch("--list")["current"] == done["to"]["revision"]
    new.site("start")
    assert new.ask("/") == 200
    assert new.evolve("1.1")["kind"] == "nothing"
    new.check_sealed()


@pytest.mark.slow
def test_visitors_notice_nothing_but_refused_writes(served):
    """No read fails, and no write that was accepted is lost, whatever happens."""
    before = served.facts()
    with served.visited() as visits:
        (served.root / "ill-1.1").touch()
        failed = served.evolve("1.1", code=1)["error"]
        assert "Production is as it was before." in failed["message"]
        (served.root / "ill-1.1").unlink()
        after = served.facts()
        assert {**after, "tid": ""} == {**before, "tid": ""}
        done = served.evolve("1.1")
        assert done["outcome"] == "done"
    assert not visits.failures
    assert {status for status, _ in visits.reads} == {200}
    assert {status for _, status in visits.writes} == {200, 503}
    accepted = [path for path, status in visits.writes if status == 200]
    assert visits.writes[-1][1] == 200
    with served.box.client(STORAGE) as db:
        assert [path for path in accepted if get(db, path) != 1] == []
    served.check_new(copy=3, revision=served.facts()["current"])
    served.check_sealed()
