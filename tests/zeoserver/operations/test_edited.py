"""Files of a storage that somebody edited, or that a disk has spoilt."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from support.schemas import validated
from support.zeofaults import quick

BEGIN = {"event": "begin", "verb": "adopt"}


@pytest.fixture
def made(box):
    """A storage with a database that nothing serves."""
    here = box("site")
    quick(here, "init", "site")
    return here


def problems(made) -> list[str]:
    """Return what status finds wrong, but for what is not there."""
    found = quick(made, "status", "site")["storages"]["site"]["problems"]
    return [
        each for each in found if "supervisord" not in each and "backup" not in each
    ]


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([{"event": "begin"}], "begin without verb"),
        ([{"event": "begin", "verb": ["adopt"]}], "begin without verb"),
        ([BEGIN, {"event": "step", "step": "freeze", "new": 1}], "freeze without old"),
        ([BEGIN, {"event": "step", "step": "place", "number": "1"}], "place without"),
        ([BEGIN, {"event": "step", "step": "append", "at": 1}], "append without"),
        ([BEGIN, {"event": "end"}, {"event": "step", "verb": "pack", "step": "pack"}],
         "pack without number"),
    ],
)  # fmt: skip
def test_an_edited_journal_is_refused(made, entries, words):
    """Nothing is put right by half of what was begun; status says what is wrong."""
    journal = made.storage_places("site").journal
    kept = journal.read_text()
    journal.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    told = quick(made, "backup", "site", code=4)["storages"]["site"]["error"]
    assert words in told["message"]
    assert str(journal) in told["message"]
    (problem,) = problems(made)
    assert words in problem
    quick(made, "report", "site")
    journal.write_text(kept)
    assert problems(made) == []
    quick(made, "backup", "site")


def test_status_works_where_the_journal_cannot_be_read(made):
    """Whatever is ill, status says so in a sentence, and tells the rest."""
    journal = made.storage_places("site").journal
    journal.unlink()
    journal.mkdir()
    (problem,) = problems(made)
    assert str(journal) in problem
    assert quick(made, "status", "site")["storages"]["site"]["live"]["number"] == 1


def test_a_spoilt_state_is_told_of_in_few_words(made):
    """What the file has now is not printed, and its copies are not called unknown."""
    places = made.storage_places("site")
    places.state.write_bytes(b"\xff" + os.urandom(100_000))
    told = quick(made, "backup", "site", code=4)["storages"]["site"]["error"]
    assert len(told["message"]) < 500
    assert "state.kept.json" in told["next"]
    (problem,) = problems(made)
    assert str(places.state) in problem


def test_a_disk_that_is_read_only_is_told_of(made):
    """What the system does with a failing disk is a problem, and keeps nothing else."""
    apart = ["unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c"]
    root = made.root
    mount = f"mount --bind {root} {root} && mount -o remount,ro,bind {root}"
    if subprocess.run([*apart, mount], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    zeoctl = made.places.zeoctl
    words = f"{mount} && cd / && {zeoctl} status site --json; {zeoctl} backup site"
    done = subprocess.run([*apart, words], capture_output=True, text=True, check=False)
    (told,) = validated("zeoctl", ["status"], done.stdout)
    found = told["storages"]["site"]
    (problem,) = [each for each in found["problems"] if "is read-only" in each]
    assert str(made.storage_places("site").databases) in problem
    assert found["live"]["number"] == 1
    assert "Read-only file system" in done.stderr
