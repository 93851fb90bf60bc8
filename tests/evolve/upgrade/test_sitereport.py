"""The page of a site: it is made, whatever is ill, and says what needs attention."""

from __future__ import annotations

import dataclasses
import json
import stat
import subprocess
import sys
from typing import Any

import pytest
from support.browser import browsing
from support.servedsites import unpacked
from support.servedupgrades import ServedUpgrade
from support.upgrades import STORAGE, killed
from support.zeoservers import boxes

from karl.recipe.evolve.declaration.model import Address, Serving, SiteDeclaration
from karl.recipe.evolve.upgrade import command, siteattention, sitereport
from karl.recipe.evolve.upgrade.places import Places

HOSTILE = "<script>alert(1)</script>"


def run(**changes: Any) -> dict[str, Any]:
    """Return what is known of a run that was done."""
    return {
        "number": 3, "kind": "upgrade", "outcome": "done", "ended": 0.0,
        "from": {"release": "1.0"}, "to": {"release": "1.1"},
        "failure": None, "warnings": [], "deferred": [], **changes,
    }  # fmt: skip


def worker(**changes: Any) -> dict[str, Any]:
    """Return what is known of a process that serves."""
    return {
        "number": 1, "revision": 2, "healthy": True, "problem": "", "outdated": False,
        **changes,
    }  # fmt: skip


def mode(**changes: Any) -> dict[str, Any]:
    """Return what is known of the mode of a site that is in none of its own."""
    return {"mode": "normal", "since": None, "problem": "", **changes}


def revision(number: int, problem: str = "") -> dict[str, Any]:
    """Return what is known of a revision."""
    return {"number": number, "intact": not problem, "problem": problem}


def told(**changes: Any) -> dict[str, Any]:
    """Return what is known of a site that is well, but for what is changed."""
    processes = {
        "running": True,
        "mode": mode(),
        "inhibited": None,
        "workers": [worker()],
    }
    revisions = {
        "revisions": [revision(3), revision(2), revision(1)], "current": 3,
        "rollback_to": 2, "unfinished": [], "pins_problem": "",
    }  # fmt: skip
    found: dict[str, Any] = {"running": False, "runs": [run()]}
    for name, usual in (("processes", processes), ("revisions", revisions)):
        own = {key: changes.pop(key) for key in list(changes) if key in usual}
        found[name] = {**usual, **own}
    return {**found, **changes}


LEFT = {"package": "acme", "version": 2, "done": False}
LOST = {"step": "evolve", "message": "The data are odd."}


@pytest.mark.parametrize(
    ("found", "level", "words"),
    [
        (told(runs=[run(outcome="unfinished")]), "problem",
         "Upgrade 3: release 1.0 to 1.1 was interrupted. Go on: evolve --resume."),
        (told(runs=[run(outcome="undone", failure=LOST)]), "problem",
         "the step evolve: The data are odd."),
        (told(runs=[run(outcome="undone")]), "notice", "was given up"),
        (told(runs=[run(warnings=["careful"])]), "notice", "careful"),
        (told(runs=[run(deferred=[LEFT])]), "notice", "acme 2. The site works"),
        (told(mode=mode(mode="read-only")), "problem", "bin/site mode normal"),
        (told(mode=mode(problem="It is no JSON.")), "problem", "It is no JSON."),
        (told(inhibited={"since": 0.0, "why": ""}), "problem", "bin/site allow"),
        ({**told(), "processes": {**told()["processes"], "running": False}}, "problem",
         "bin/site start"),
        (told(workers=[worker(healthy=False, problem="it is dead")]), "problem",
         "Process 1 does not serve: it is dead."),
        (told(workers=[worker(outdated=True)]), "problem",
         "serves revision 2, which is not the current one: bin/site restart."),
        (told(current=None), "notice", "No release is live yet"),
        (told(current=9), "problem", "Revision 9 is live, and missing"),
        (told(revisions=[revision(3, "edited x")]), "problem", "--verify"),
        (told(revisions=[revision(3), revision(2, "no")]), "problem", "rollback"),
        (told(revisions=[revision(3), revision(1, "no")]), "notice", "Revision 1"),
        (told(unfinished=[{}]), "problem", "switch-version was interrupted"),
        (told(pins_problem="The pins are lost."), "problem", "The pins are lost."),
    ],
)  # fmt: skip
def test_what_needs_attention_is_told_with_what_to_do(found, level, words):
    """Each thing that is wrong or to be known has its sentence."""
    items = siteattention.of_site(found)
    assert [item["level"] for item in items] == [level]
    assert words in items[0]["text"]


@pytest.mark.parametrize(
    "found",
    [
        told(),
        told(runs=[]),
        told(runs=[run(deferred=[{**LEFT, "done": True}])]),
        {**told(), "processes": None, "revisions": None},
    ],
)
def test_what_is_well_needs_no_attention(found):
    """Nothing is told of what is as it should be, nor twice of what is not known."""
    assert siteattention.of_site(found) == []


def test_an_upgrade_may_be_read_only():
    """What belongs to a run that is under way is no problem."""
    ill = told(
        runs=[run(outcome="unfinished", deferred=[LEFT])],
        mode=mode(mode="read-only", since=1.0),
        inhibited={"since": 0.0, "why": "upgrade"},
        unfinished=[{}],
    )
    assert len(siteattention.of_site(ill)) == 5
    found = {**ill, "running": True}
    assert [item["level"] for item in siteattention.of_site(found)] == ["notice"]


SITE_STATUS = """\
#!{python}
print({answer!r})
"""


@pytest.fixture
def empty(tmp_path):
    """Return a site that has nothing but its declaration."""
    places = Places(tmp_path / "acme-prod")
    declared = SiteDeclaration(
        root=str(places.root),
        name=HOSTILE,
        storage="acme-prod",
        zeo_command=("/no/such/zeoctl",),
        serving=Serving(Address(path="/no/such/socket")),
    )
    places.layout.etc.mkdir(parents=True)
    places.layout.bin.mkdir()
    places.layout.declaration.write_text(declared.to_text())
    return places


def test_a_page_of_a_site_that_has_nothing(empty, capsys):
    """Commands that are missing are told of, each with what to do, and no more."""
    assert command.main(str(empty.root), ["report"]) == 0
    printed = capsys.readouterr().out
    for expected in ("switch-version", "bin/site status", "/no/such/zeoctl"):
        assert expected in printed
    assert printed.endswith(f"Wrote {empty.report}\n")
    assert stat.S_IMODE(empty.report.stat().st_mode) == 0o640
    text = empty.report.read_text()
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    with browsing() as browser:
        seen = browser.show(empty.report, 360)
        assert (browser.complaints, seen["wide"]) == ([], [])
        assert seen["needs"] <= 360
        assert HOSTILE in seen["text"]


@pytest.mark.parametrize("answer", ["", "[]", "{}", '{"mode": 3, "workers": [{}]}'])
def test_answers_of_another_form_are_told_of(empty, capsys, answer):
    """A command that says something else, or a journal that does, is told of."""
    for path in (empty.layout.site_command, empty.layout.switch_command):
        path.write_text(SITE_STATUS.format(python=sys.executable, answer=answer))
        path.chmod(0o755)
    for number, line in (
        (1, "nonsense"),
        (2, '{"event": "begin", "time": 0}'),
        (3, ""),
    ):
        places = empty.run(number)
        places.root.mkdir(parents=True)
        places.journal.write_text(line)
    assert command.main(str(empty.root), ["report", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["processes"] is None
    assert found["revisions"] is None
    assert found["runs"] == []
    assert len(found["attention"]) == 4
    assert found["output"] is None
    assert not empty.report.exists()


def test_commands_that_hang_are_told_of(empty, capsys, monkeypatch):
    """A command that does not answer is ended, and the report is made without it."""
    monkeypatch.setattr(sitereport, "_PATIENCE", 0.2)
    for path in (empty.layout.site_command, empty.layout.switch_command):
        path.write_text("#!/bin/sh\nexec sleep 600\n")
        path.chmod(0o755)
    assert command.main(str(empty.root), ["report", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    told = [item["text"] for item in found["attention"]]
    for name in ("switch-version", "site status"):
        assert any(f"{name}: it did not answer within 0.2 s" in each for each in told)


def test_output_belongs_to_the_report(empty, capsys, tmp_path):
    """Where a page goes is said of the report alone, and must be a place for one."""
    assert command.main(str(empty.root), ["status", "--output", "x"]) == 2
    assert command.main(str(empty.root), ["report", "--dry-run"]) == 2
    assert command.main(str(empty.root), ["report", "--output", str(tmp_path)]) == 3
    path = tmp_path / "page.html"
    assert command.main(str(empty.root), ["report", "--output", str(path)]) == 0
    assert path.is_file()


@pytest.fixture
def served(tmp_path_factory):
    """Return a site that serves release 1.0."""
    software = unpacked(tmp_path_factory.getbasetemp() / "software")
    with boxes() as make:
        site = ServedUpgrade(make(STORAGE), software)
        try:
            yield site
        finally:
            site.stop()


@pytest.mark.slow
def test_the_whole_installation_on_one_page(served, tmp_path):
    """Real sites and databases are told of: well, upgraded, and ill in many ways."""
    box = served.box
    box.central = dataclasses.replace(
        box.central, sites=((str(served.layout.bin / "evolve"),),)
    )
    box.write()
    served.zeoctl("verify-backup", STORAGE, code=3)
    assert served.evolve("1.1")["outcome"] == "done"
    served.zeoctl("verify-backup", STORAGE)
    found = box.zeoctl("report")
    (site,) = found["sites"]
    assert site["attention"] == []
    assert site["glance"]["release"] == "1.1"
    assert site["glance"]["processes"] == "2 of 2"
    assert site["storage"]["page"]
    assert [item["level"] for item in found["storages"][STORAGE]["attention"]] == []

    assert killed(served, 12, "after", "1.2")
    release = served.layout.release("1.1")
    (edited,) = release.root.rglob("acme/__init__.py")
    edited.chmod(0o644)
    edited.write_text("VERSION = 1  # a quick fix\n")
    served.site("mode", "read-only")
    served.site("inhibit", "--why", HOSTILE)
    (served.root / "ill-1.1").touch()
    page = tmp_path / "all.html"
    done = box.run("report", "--output", str(page))
    assert done.returncode == 0, done.stderr
    for expected in (
        "was interrupted. Go on: evolve --resume.",
        "The live revision 2 was edited or is damaged",
        "The site's mode is read-only",
        "Cron jobs are inhibited",
        "Process 1 does not serve",
    ):
        assert expected in done.stdout, done.stdout
    own = tmp_path / "own.html"
    subprocess.run(
        [served.layout.bin / "evolve", "report", "--output", own], check=True
    )
    with browsing() as browser:
        for path in (page, own):
            for width in (360, 1920):
                seen = browser.show(path, width)
                assert (browser.complaints, seen["wide"]) == ([], [])
                assert seen["needs"] <= width
                for expected in (
                    "make a new database copy",
                    "was live",
                    "Size of Data",
                ):
                    assert expected in seen["text"]
            assert ("table", "Timeline") in browser.roles()
        assert "<script" not in page.read_text()
    served.site("allow")
