"""The command line, its reports, and what operators are told."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from support import upgradeworld
from support.upgradeworld import check_before, check_new, raising

from karl.recipe.evolve.declaration.model import MOMENTS, Timeouts
from karl.recipe.evolve.upgrade import (
    command,
    health,
    orchestrator,
    page,
    report,
    sitesteps,
    status,
)
from karl.recipe.evolve.upgrade.evolvesteps import Watcher
from karl.recipe.evolve.upgrade.model import Request
from karl.recipe.release.base.errors import KarlError, RefusedError
from karl.recipe.release.base.reporter import SilentReporter


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Return a double of all commands, which the command line drives too."""
    monkeypatch.setattr(health, "check", lambda *words: None)
    made = upgradeworld.make(tmp_path)
    etc = made.places.layout.etc
    etc.mkdir()
    (etc / "upgrade.json").write_text(made.declared.to_text())
    monkeypatch.setattr(command, "Programs", lambda *_: made)
    return made


def run(world, *words):
    return command.main(world.declared.root, [*words, "--quiet"])


def hooked(world, *command_):
    """Return the world with a command for each moment."""
    hooks = dict.fromkeys(MOMENTS, (command_,))
    return dataclasses.replace(
        world, declared=dataclasses.replace(world.declared, hooks=hooks)
    )


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("1.1", "--resume"),
        ("--resume", "--abort"),
        ("1.1", "--rollback"),
        ("1.1", "--discard-writes"),
        ("--rollback", "--rehearse"),
        ("--resume", "--dry-run"),
        ("status", "--rehearse"),
        ("--rollback", "--postpone-cut-over", "x"),
        ("../1.1",),
        ("1.1", "1.2"),
    ],
)
def test_wrong_usage(world, words):
    """Options that do not belong together are refused."""
    assert run(world, *words) == 2
    check_before(world)


def test_dry_run(world, capsys):
    """The plan is told, with what is done while writes are refused; nothing is done."""
    assert run(world, "1.1", "--dry-run") == 0
    told = capsys.readouterr().out
    assert "acme is at 0, the software at 1" in told
    assert " * evolve     evolve the new copy with 1.1" in told
    assert "not known yet: rehearse" in told
    assert not world.places.runs.exists()
    assert not world.places.lock.exists()
    assert run(world, "1.1", "--dry-run", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["dry_run"], found["kind"]) == (True, "upgrade")


def test_upgrade(world, capsys):
    """The report is told, and written as a page and as JSON."""
    assert run(world, "1.1") == 0
    told = capsys.readouterr().out
    assert "Upgrade 1: release 1.0 to 1.1: done" in told
    assert "writes were refused for" in told
    places = world.places.run(1)
    assert str(places.report_html) in told
    assert json.loads(places.report_json.read_text())["window"] > 0
    check_new(world)
    assert run(world, "1.1") == 0
    assert "Nothing to do" in capsys.readouterr().out


def test_failure(world, capsys):
    """An error is JSON too, with what was undone and what to do next."""
    world.fault = raising(RefusedError("it is odd.", "Mend it."), "site try", done=True)
    assert run(world, "1.1", "--json") == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert "The step try failed: it is odd. Production is as it was" in error["message"]
    assert error["next"] == "Mend it."
    assert run(world, "status") == 0
    told = capsys.readouterr().out
    assert "undone: production is as before" in told
    assert "failed: it is odd." in told


def test_warnings_are_no_success(world, capsys):
    """If something after the cut-over failed, the exit code says so."""
    world.fault = raising(KarlError("no."), "zeo unserve", done=False)
    assert run(world, "1.1", "--json") == 6
    found = json.loads(capsys.readouterr().out)
    assert (found["outcome"], found["exit"]) == ("done", 6)
    assert found["warnings"] == ["unserve: no."]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"time": 1', '"time": "x", "was": 1'),
        ('"time": 1', '"time": 1e999, "was": 1'),
        ('"kind": "upgrade"', '"kind": []'),
        ('"facts": {', '"facts": ["x"], "were": {'),
        ('"facts": {', f'"facts": {"[" * 30000}'),
    ],
)
def test_a_journal_that_was_altered(world, capsys, old, new):
    """It is called damaged, with what to do; the page is made without that run."""
    assert run(world, "1.1") == 0
    journal = world.places.run(1).journal
    journal.write_text(journal.read_text().replace(old, new))
    capsys.readouterr()
    assert run(world, "status", "--json") in {0, 4}
    told = json.loads(capsys.readouterr().out)
    assert "error" not in told or "cannot be understood" in told["error"]["message"]
    assert run(world, "report", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["runs"]) == ("error" not in told)


def test_no_upgrade_yet(world, capsys):
    """Where nothing was done there is nothing to tell, resume or abort."""
    assert run(world, "status") == 0
    assert "No upgrade was made yet." in capsys.readouterr().out
    assert run(world, "--resume") == 3
    assert run(world, "--abort") == 3


def test_status_while_it_runs(world):
    """While an upgrade is under way, status tells how far it is."""
    told = []

    def look(what, done):
        if what in {"zeo backup", "site try", "zeo adopt", "zeo unserve"} and done:
            told.append(status.status(world.places))

    world.fault = look
    orchestrator.start(world, Request("1.1"))
    texts = [each["text"] for each in told]
    assert all("is under way" in text for text in texts)
    assert "writes are accepted" in texts[0]
    assert "The old release and its data are live; writes are refused" in texts[1]
    assert "writes are accepted" in texts[-1]
    assert not any(each["unfinished"] for each in told)


def test_postponed(world, tmp_path, monkeypatch):
    """Evolved and verified, the cut-over waits until the file is gone."""
    file = tmp_path / "not yet"
    file.touch()
    looks = []

    def sleep(seconds):
        looks.append(world.state["current"])
        if len(looks) == 3:
            file.unlink()

    monkeypatch.setattr(sitesteps.time, "sleep", sleep)
    orchestrator.start(world, Request("1.1", postpone=str(file)))
    assert looks == [1, 1, 1]
    check_new(world)


def test_the_window_has_a_limit(world, tmp_path, monkeypatch):
    """A window that lasts too long is given up, and everything undone."""
    declared = dataclasses.replace(world.declared, timeouts=Timeouts(window=0.01))
    limited = dataclasses.replace(world, declared=declared)
    with pytest.raises(RefusedError, match="window has lasted longer than"):
        orchestrator.start(limited, Request("1.1"))
    check_before(world)


def test_a_hook_before_ends_the_run(world):
    """A command before a part that fails ends the run, and all is undone."""
    failing = hooked(world, "sh", "-c", "echo not today; exit 1")
    with pytest.raises(KarlError, match="before-read-only failed") as caught:
        orchestrator.start(failing, Request("1.1"))
    assert "not today" in caught.value.tip
    check_before(world)


def test_a_hook_after_is_a_warning(world):
    """A command after a part that fails is told, and the upgrade is done."""
    script = 'case "$PHASE" in after-*) exit 1;; esac'
    run = orchestrator.start(hooked(world, "sh", "-c", script), Request("1.1"))[1]
    assert run.outcome == "done"
    assert [text.partition(":")[0] for text in run.warnings] == [
        "after-read-only", "after-evolve", "after-cut-over",
    ]  # fmt: skip
    check_new(world)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_hook_fails(world, moment):
    """Wherever one fails: before a part all is as before, after it all is done."""
    requests = [Request("1.1"), Request(rollback=True, discard_writes=True)]
    before, after = check_before, check_new
    if moment.endswith("-rollback"):
        orchestrator.start(world, requests.pop(0))
        before, after = check_new, check_rolled_back
    failing = hooked(world, "sh", "-c", f"[ $PHASE != {moment} ]")
    if moment.startswith("before"):
        with pytest.raises(KarlError, match=f"{moment} failed"):
            orchestrator.start(failing, requests[0])
        before(world)
    else:
        run = orchestrator.start(failing, requests[0])[1]
        assert [text.partition(":")[0] for text in run.warnings] == [moment]
        after(world)


def check_rolled_back(world):
    state = world.state
    assert (state["current"], state["workers"]) == (1, 1)
    assert (state["mode"], state["inhibited"]) == ("normal", False)
    assert state["copies"]["1"]["status"] == "live"


def test_a_page_for_the_customer():
    """The page has the timeline, counts and windows, and needs nothing else."""
    data = {
        "number": 3, "kind": "upgrade", "outcome": "done", "began": 0.0,
        "seconds": 100.0, "window": 12.3, "predicted_window": None,
        "from": {"release": "1.0", "revision": 1, "copy": 42},
        "to": {"release": "<1.1>", "revision": 2, "copy": 43},
        "steps": [
            {"name": "evolve", "text": "evolve & so on", "at": 3.0, "seconds": 10.0,
             "window": True},
        ],
        "evolved": [
            {"package": "acme", "version": 2, "title": "Move websites",
             "seconds": 9.5, "seen": 50000, "changed": 1234},
        ],
        "counts": [
            {"package": "acme", "version": 2,
             "before": {"documents": 5, "indexes": {"website": 5}},
             "after": {"documents": 6, "indexes": {"website": 6}}},
        ],
        "reindexed": {"website": 1234},
        "failure": None, "warnings": ["careful"], "undone": [],
    }  # fmt: skip
    text = page.page(data)
    for expected in (
        "12.3 s", "Move websites", "50,000", "index website", "<span>1,234</span>",
        "&lt;1.1&gt;", "evolve &amp; so on", "careful",
    ):  # fmt: skip
        assert expected in text
    assert "<1.1>" not in text
    assert "<script" not in text
    assert "://" not in text


class Tasks(SilentReporter):
    """A reporter that keeps its tasks."""

    def __init__(self):
        self.tasks = []

    def task(self, label, total=None, unit=""):
        task = [label, total, 0]
        self.tasks.append(task)

        class Kept:
            def advance(self, amount=1, note=""):
                task[2] += amount

            def done(self, note=""):
                task.append("done")

        return Kept()


def test_progress_is_forwarded():
    """What evolve-run tells of its work is shown as work of ours, and kept."""
    reporter = Tasks()
    watcher = Watcher(reporter)
    named = {"package": "acme", "version": 2, "title": "Move websites"}
    for event in (
        {"event": "step_begin", **named, "resumed": False, "total": 100},
        {"event": "progress", "done": 40, "total": 100, "rate": 4.0, "left": 15.0},
        {"event": "progress", "done": 90, "total": 100, "rate": 4.0, "left": 2.5},
        {"event": "step_end", **named, "seconds": 25.0, "seen": 100, "changed": 7},
        {"event": "reindex_begin", **named, "total": 7, "resumed": False},
        {"event": "reindex_end", "indexes": {"website": 7}, "seconds": 1.0},
        {"event": "counts", **named, "before": None, "after": {"documents": 1}},
        {"event": "something new"},
        {"event": "error", "message": "No.", "next": "Mend.", "exit": 4},
    ):
        watcher(event)
    assert reporter.tasks == [["acme 2: Move websites", 100, 100, "done"]]
    assert watcher.reindexed == {"website": 7}
    assert watcher.steps[0]["changed"] == 7
    assert watcher.counts[0]["after"] == {"documents": 1}
    assert watcher.failure(4).exit_code == 4


def test_reports_of_all_outcomes(world):
    """Whatever became of a run, its report can be made."""
    world.fault = raising(KarlError("no."), "zeo adopt", done=True)
    with pytest.raises(KarlError):
        orchestrator.start(world, Request("1.1"))
    found = json.loads(world.places.run(1).report_json.read_text())
    assert found["failure"]["step"] == "adopt"
    assert found["window"] > 0
    assert "made database copy 1 the live one again" in found["undone"]
    assert Path(world.places.run(1).report_html).read_text().startswith("<!DOCTYPE")
    rehearsed = orchestrator.start(world, Request("1.1", rehearse=True))[1]
    assert report.predicted(rehearsed) > 0
    assert "would be refused for about" in report.text(rehearsed)
