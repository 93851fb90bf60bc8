"""The status page of a database server: it is made, whatever is ill."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
import sys
from pathlib import Path

import pytest
from support.browser import browsing
from support.zeofaults import quick
from support.zeoservers import fill

from karl.recipe.release.base.errors import UsageError
from karl.recipe.release.base.journal import Journal
from karl.recipe.zeoserver.declaration import values
from karl.recipe.zeoserver.declaration.model import (
    Central,
    ClientSettings,
    Schedule,
    StorageDeclaration,
)
from karl.recipe.zeoserver.layouts.storage import StorageLayout
from karl.recipe.zeoserver.operations import (
    asking,
    attention,
    backupstatus,
    reporting,
    sizes,
)
from karl.recipe.zeoserver.operations.sizes import Size

DAY = 86400.0
NOW = 1_800_000_000.0

SITE = """\
#!{python}
import sys
print({answer!r})
sys.stderr.write("Traceback: it broke\\n" if {code} else "")
sys.exit({code})
"""


def site(folder: Path, answer: object, code: int = 0) -> tuple[str, ...]:
    """Make a command that answers as a site's evolve; return its words."""
    path = folder / "bin" / "evolve"
    path.parent.mkdir(parents=True)
    text = answer if isinstance(answer, str) else json.dumps(answer)
    path.write_text(SITE.format(python=sys.executable, answer=text, code=code))
    path.chmod(0o755)
    return (str(path),)


def told(**changes: object) -> dict[str, object]:
    """Return what is known of a storage that is well."""
    return {
        "problems": [],
        "last_backup": {"time": NOW, "error": None},
        "backup": {"copy": 1, "tid": "a", "made": NOW - DAY},
        "live": {"number": 1, "tid": "b"},
        "chains": [{"verified": NOW - DAY, "first": NOW - 9 * DAY}],
        "free_for_backups": 10**12,
        "sizes": [{"bytes": 10**9, "blob_bytes": 10**9}],
        "copies": [],
        **changes,
    }


DAILY = StorageDeclaration(
    "acme", {}, ClientSettings(""), backup_at=Schedule(30, 1),
    verify_at=Schedule(0, 4, (6,)),
)  # fmt: skip


def copy(number: int, status: str, **more: object) -> dict[str, object]:
    """Return what is known of a copy."""
    known = {"made": NOW, "size": 10**9, "source": None, "withheld": False}
    return {"number": number, "status": status, **known, **more}


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({"problems": ["No server."]}, "problem", "No server."),
        ({"last_backup": {"time": NOW, "error": "Disk full."}}, "problem",
         "Disk full. Correct that, then: zeoctl backup acme."),
        ({"backup": {"copy": 1, "tid": "a", "made": NOW - 3 * DAY}}, "problem",
         "in the last 3 days is in no backup: zeoctl backup acme."),
        ({"chains": [{"verified": NOW - 15 * DAY, "first": 0.0}]}, "problem",
         "No backup was verified for 15 days: zeoctl verify-backup acme --drill."),
        ({"chains": [{"verified": None, "first": NOW - 15 * DAY}]}, "problem",
         "No backup was verified yet"),
        ({"free_for_backups": 10**9}, "problem", "1.0 GB are free for backups"),
        ({"copies": [copy(2, "staged")]}, "notice", "zeoctl retire acme 2"),
        ({"copies": [copy(2, "retired"), copy(3, "retired")]}, "notice",
         "database copies 2, 3, 2.0 GB without blobs. Remove: zeoctl prune acme"),
        ({"copies": [copy(2, "former"), copy(3, "former")]}, "notice",
         "database copy 2, 1.0 GB"),
        ({"copies": [copy(2, "ready", withheld=True, source="prod")]}, "notice",
         "has the data of prod as they were"),
    ],
)  # fmt: skip
def test_what_needs_attention_is_told_with_what_to_do(changes, level, words):
    """Each thing that is wrong or to be known has its sentence."""
    found = attention.of_storage("acme", DAILY, told(**changes), NOW)
    assert [item["level"] for item in found] == [level]
    assert words in found[0]["text"]


def test_what_no_timer_should_do_is_no_problem():
    """A storage that is not to be backed up, such as staging's, is only told of."""
    never = dataclasses.replace(DAILY, backup_at=None, verify_at=None)
    old = {
        "backup": {"copy": 1, "tid": "a", "made": NOW - 15 * DAY},
        "chains": [{"verified": None, "first": NOW - 15 * DAY}],
    }
    found = attention.of_storage("acme", never, told(**old), NOW)
    assert [item["level"] for item in found] == ["notice", "notice"]
    none = told(problems=[backupstatus.missing("acme")])
    for declared, level in ((never, "notice"), (DAILY, "problem")):
        (item,) = attention.of_storage("acme", declared, none, NOW)
        assert item["level"] == level


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"last_backup": None, "backup": None, "live": None, "chains": [], "sizes": []},
        {"backup": {"copy": 1, "tid": "b", "made": NOW - 300 * DAY}},
        {"copies": [copy(1, "live"), copy(2, "former")]},
        {"chains": [{"verified": None, "first": NOW - DAY}]},
        {"free_for_backups": None},
    ],
)
def test_what_is_well_needs_no_attention(changes):
    """Nothing is told of what is as it should be, such as a backup of all there is."""
    assert attention.of_storage("acme", DAILY, told(**changes), NOW) == []


@pytest.mark.parametrize(
    ("schedule", "days"),
    [(None, 7), (Schedule(15), 1 / 24), (Schedule(30, 1), 1), (Schedule(0, 4, (6,)), 7),
     (Schedule(0, 4, (0, 2)), 5), (Schedule(0, 4, (0, 1, 2, 3, 4, 5, 6)), 1)],
)  # fmt: skip
def test_how_long_a_timer_leaves_things(schedule, days):
    """The longest time from one time of a schedule to its next is known."""
    assert attention.period(schedule) == days * DAY


def test_sizes_stay_few(box, monkeypatch):
    """One size a day is kept, of some days; a full disk and damage do no harm."""
    monkeypatch.setattr(sizes, "_MOST", 10)
    places = box("acme").storage_places("acme")
    for day in range(20):
        sizes.record(places, Size(NOW + day * DAY, 1, day, None))
        if day == 3:
            sizes.record(places, Size(NOW + day * DAY + 60, 2, 99, 7))
            assert [size.bytes for size in sizes.history(places)] == [0, 1, 2, 99]
        if day == 4:
            places.sizes.write_text(places.sizes.read_text().replace("7", "[", 1))
            assert sizes.history(places) == ()
    assert len(sizes.history(places)) == 10
    nowhere = dataclasses.replace(places, root=Path("/proc/nowhere"))
    sizes.record(nowhere, Size(NOW, 1, 1))


def test_sizes_come_from_backups_and_packs(box):
    """A backup and a pack note how large the live copy is, with its blobs."""
    here = box("acme-prod")
    here.zeoctl("init", "acme-prod")
    here.zeoctl("start", "acme-prod")
    with here.client("acme-prod") as db:
        fill(db, 20, blobs=2)
    made = here.zeoctl("backup", "acme-prod")["storages"]["acme-prod"]
    places: StorageLayout = here.storage_places("acme-prod")
    (size,) = sizes.history(places)
    assert (size.bytes, size.blob_bytes) == (made["end"], made["blob_bytes"])
    here.zeoctl("pack", "acme-prod", "--days", "0")
    (size,) = sizes.history(places)
    assert size.bytes == places.copy(1).data.stat().st_size
    places.sizes.unlink()
    found = here.zeoctl("report", "acme-prod")["storages"]["acme-prod"]
    assert found["sizes"][0]["bytes"] == made["end"]
    assert here.run("report", "acme-prod").stdout == "All is well.\n"
    assert not here.places.report.exists()


def ill(here) -> Central:
    """Make storages of which each is ill in its own way, and sites too."""
    for name in ("well", "lost", "odd"):
        quick(here, "init", name)
    here.storage_places("lost").state.write_text("{")
    here.storage_places("odd").copy(1).data.write_bytes(b"no database")
    hostile = "<script>alert(1)</script>\u202e\x1b[31m\ud800"
    page = [
        {"kind": "facts", "items": [["Release", hostile]]},
        {"kind": "table", "title": hostile, "heads": ["a"], "rows": [[hostile]]},
        "no block",
    ]
    sites = here.root / "sites"
    well = {
        "site": "fine", "attention": [{"level": "problem", "text": hostile}, 3],
        "page": page,
        "glance": {"release": hostile, "mode": ["x"], "upgrade": float("nan")},
    }  # fmt: skip
    commands = (
        site(sites / "fine", well),
        site(sites / "broken", "x", code=3),
        site(sites / "silent", ""),
        site(sites / "odd", [1, 2]),
        site(sites / "deep", "[" * 100000),
        (str(sites / "missing" / "bin" / "evolve"),),
        ("/no/such/ssh", "acme@app1", "/srv/far/bin/evolve"),
    )
    here.central = dataclasses.replace(here.central, sites=commands)
    here.write()
    return here.central


def test_a_page_whatever_is_ill(box, tmp_path):
    """Every storage and site that fails is told of, and keeps no other from it."""
    here = box("well", "lost", "odd")
    Journal(here.storage_places("well").journal).append(
        "failed", verb="backup", error="The disk <b>is full</b>."
    )
    ill(here)
    before = here.places.declaration.read_bytes()
    done = here.run("report")
    assert done.returncode == 0, done.stderr
    page = here.places.report
    assert stat.S_IMODE(page.stat().st_mode) == 0o640
    text = page.read_text()
    for expected in (
        "is full&lt;/b&gt;", "state.json", "fine", "it broke", "broken", "silent",
        "deep", "far", "/no/such/ssh", "&lt;script&gt;",
    ):  # fmt: skip
        assert expected in text, expected
    assert "<script" not in text
    assert not {"\u202e", "\x1b"} & {*text, *done.stdout}
    assert "<b>is full" not in text
    # Above all, and in the site's own card, which has nothing else.
    assert text.count("it broke") == 2
    assert before == here.places.declaration.read_bytes()
    found = here.zeoctl("report")
    assert [each["site"] for each in found["sites"]] == [
        "fine", "broken", "silent", "odd", "deep", "missing", "far",
    ]  # fmt: skip
    assert all(each["attention"] for each in found["sites"])
    assert found["output"] is None
    with browsing() as browser:
        for width in (360, 1920):
            seen = browser.show(page, width)
            assert (browser.complaints, seen["wide"]) == ([], [])
            assert seen["needs"] <= width
            assert "What needs attention" in seen["text"]
            assert "zeoctl backup well" in seen["text"]


def test_what_fails_in_a_way_that_nobody_foresaw(box, monkeypatch):
    """A fault of ours in one storage is told, with its place, and is no end."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("no")

    here = box("acme", "globex")
    monkeypatch.setattr(reporting.attention, "of_storage", fail)
    found = reporting.of_central(here.central, ())
    for each in found["storages"].values():
        assert "ZeroDivisionError" in each["attention"][0]["text"]
        assert "test_reporting.py" in each["attention"][0]["text"]


def test_a_site_that_hangs_is_not_waited_for(tmp_path, monkeypatch):
    """A site has its time to answer, and no more."""
    monkeypatch.setattr(asking, "_PATIENCE", 0.5)
    found = asking.ask(("/bin/sh", "-c", "sleep 60", "x"))
    assert "it has not answered within 0.5 s" in found["attention"][0]["text"]


def test_sites_are_asked_at_the_same_time(tmp_path):
    """Sites that each wait for the other to be asked too both answer, in order."""
    script = (
        'touch "$1"; while [ ! -e "$2" ]; do sleep 0.05; done; '
        'echo "{\\"site\\": \\"$3\\"}"'
    )
    here, there = str(tmp_path / "here"), str(tmp_path / "there")
    found = asking.ask_all(
        [
            ("/bin/sh", "-c", script, "sh", here, there, "one"),
            ("/bin/sh", "-c", script, "sh", there, here, "other"),
        ]
    )
    assert [each["site"] for each in found] == ["one", "other"]


def test_the_page_stays_whole(box, tmp_path):
    """A page is written to a file in a folder that there is, or not at all."""
    here = box("acme")
    for wrong in (tmp_path, tmp_path / "no" / "page.html"):
        assert here.run("report", "--output", str(wrong)).returncode == 3
    assert list(tmp_path.iterdir()) == []
    assert here.run("report", "nobody").returncode == 2
    assert here.run("report", "--refresh", "1").returncode == 2
    output = tmp_path / "page.html"
    done = here.run("report", "--output", str(output), "--refresh", "300")
    assert done.stdout.endswith(f"Wrote {output}\n")
    assert '<meta http-equiv="refresh" content="300">' in output.read_text()
    assert os.listdir(tmp_path) == ["page.html"]


def test_sites_are_folders_or_commands(tmp_path):
    """A line of one word is a folder; one of more is a command, split as by a shell."""
    read = values.sites(tmp_path)
    assert read("/srv/a\nb\n\nssh u@h '/srv/c d/bin/evolve'") == (
        ("/srv/a/bin/evolve",),
        (f"{tmp_path}/b/bin/evolve",),
        ("ssh", "u@h", "/srv/c d/bin/evolve"),
    )
    assert read("") == ()
    with pytest.raises(UsageError):
        read("ssh 'h")
    assert asking.name_of(("ssh", "u@h", "/srv/c d/bin/evolve")) == "c d"
    assert asking.name_of(("sh", "-c", "x")) == "sh -c x"


def test_what_was_declared_before_there_were_sites_is_read(box):
    """A declaration that an older buildout wrote has no sites, and is read."""
    here = box("acme")
    found = json.loads(here.places.declaration.read_text())
    del found["sites"]
    here.places.declaration.write_text(json.dumps(found))
    assert Central.load(here.places).sites == ()
    here.central = dataclasses.replace(here.central, sites=(("a", "b"),))
    here.write()
    assert Central.load(here.places).sites == (("a", "b"),)
