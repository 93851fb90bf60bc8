"""The whole of it, with real processes, generated commands, and visitors."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess

import pytest
from support.servedsites import unpacked
from support.servedupgrades import ServedUpgrade
from support.upgrades import STORAGE
from support.waiting import eventually
from support.zeoservers import boxes, get

from karl.recipe.evolve.declaration.model import MOMENTS


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


def _hooked(served, script):
    """Have a shell script run at every moment."""
    command = ("sh", "-c", script)
    served.change(hooks=dict.fromkeys(MOMENTS, (command,)))


def _begun(served, *words):
    """Begin ``evolve``, and wait until it has postponed the cut-over."""
    process = subprocess.Popen(
        [served.layout.bin / "evolve", *words, "--json", "--quiet"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    eventually(
        lambda: "begun: wait while" in served.evolve("status")["text"], seconds=60.0
    )
    return process


@pytest.mark.slow
def test_the_commands_of_the_site_and_a_postponed_cut_over(served):
    """All eight moments come in order; the cut-over waits as long as it is told to."""
    log, file = served.root / "moments", served.root / "not-yet"
    _hooked(served, f'echo "$PHASE $SITE $FROM $TO $COPY" >> {log}')
    before = {**served.facts(), "tid": ""}
    file.touch()
    told_to_end = _begun(served, "1.1", "--postpone-cut-over", str(file))
    assert served.ask("/") == 200
    assert served.ask("/postponed", "POST") == 503
    told_to_end.terminate()
    answer = json.loads(told_to_end.communicate(timeout=60)[0])
    assert answer["error"]["exit"] == told_to_end.returncode == 130
    assert {**served.facts(), "tid": ""} == before
    assert served.ask("/again", "POST") == 200

    log.unlink()
    with served.visited() as visits:
        process = _begun(served, "1.1", "--postpone-cut-over", str(file))
        assert served.evolve("1.2", code=5)["error"]["exit"] == 5
        file.unlink()
        done = json.loads(process.communicate(timeout=60)[0])
        assert (process.returncode, done["outcome"]) == (0, "done")
        served.check_new(copy=3, revision=done["to"]["revision"])
        served.evolve("--rollback", "--discard-writes")
    assert not visits.failures
    assert {status for status, _ in visits.reads} == {200}
    words = [line.split() for line in log.read_text().splitlines()]
    assert [each[0] for each in words] == [
        "before-read-only", "after-read-only", "before-evolve", "after-evolve",
        "before-cut-over", "after-cut-over",
        "before-rollback", "before-read-only", "after-read-only", "after-rollback",
    ]  # fmt: skip
    assert {tuple(each[1:]) for each in words[:6]} == {("acme-prod", "1.0", "1.1", "3")}
    assert {tuple(each[1:]) for each in words[6:]} == {("acme-prod", "1.1", "1.0", "1")}


@pytest.mark.slow
def test_commands_of_the_site_that_fail(served):
    """One before a part undoes all; one after it, or one that hangs, is told of."""
    before = {**served.facts(), "tid": ""}
    for moment in ("before-read-only", "before-evolve", "before-cut-over"):
        _hooked(served, f"[ $PHASE != {moment} ] || {{ echo not today; exit 1; }}")
        failed = served.evolve("1.1", code=1)["error"]
        assert f"The step {moment} failed" in failed["message"]
        assert "Production is as it was before." in failed["message"]
        assert "not today" in failed["next"]
        assert {**served.facts(), "tid": ""} == before
    served.change(timeouts=dataclasses.replace(served.declared.timeouts, hook=1.0))
    _hooked(served, "case $PHASE in after-*) sleep 60;; esac")
    done = served.evolve("1.1", code=6)
    late = [f"after-{phase}" for phase in ("read-only", "evolve", "cut-over")]
    assert [each.partition(":")[0] for each in done["warnings"]] == late
    assert all("took longer than 1 s" in each for each in done["warnings"])
    served.check_new(copy=5, revision=done["to"]["revision"])


@pytest.mark.slow
def test_processes_refuse_data_that_are_not_theirs(served):
    """What switch-version puts together wrongly is not served; the others go on."""
    mixed = served.switch("1.1")["revision"]
    refused = served.site("try", str(mixed), code=1)["error"]
    assert "The data are not evolved for release 1.1" in refused["next"]
    assert served.site("restart", code=6)["error"]["exit"] == 6
    assert served.ask("/") == 200
    served.switch("--rollback")
    served.site("restart")

    done = served.evolve("1.1")
    mixed = served.switch("1.0")["revision"]
    refused = served.site("try", str(mixed), code=1)["error"]
    assert "Release 1.0 is older than its data" in refused["next"]
    assert "evolve --rollback" in refused["next"]
    assert served.site("restart", code=6)["error"]["exit"] == 6
    assert served.ask("/") == 200
    served.switch("--rollback")
    served.site("restart")
    served.check_new(copy=done["to"]["copy"], revision=done["to"]["revision"])
