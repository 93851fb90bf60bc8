from __future__ import annotations

import json

import pytest

from benchmarks import filling, steps
from benchmarks.cases import upgrade
from benchmarks.databases import Database
from benchmarks.sizes import DatabaseSize
from benchmarks.steps import Documents
from tour.answers import Answer, Counts


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def test_every_kind_of_step_changes_the_same(tmp_path, home):
    """Steps that are compared change the same documents, in the same index."""
    source = Documents("repoze.catalog", 40, 10, 4).write(tmp_path / "source", home)
    found = {}
    for package in ("targeted", "everything", "plain"):
        steps.evolve(source, package, tmp_path / package, home)
        found[package] = _websites(tmp_path / package / "Data.fs")
    assert len(found["plain"]) == 40
    assert all(website.startswith("https://") for website in found["plain"])
    assert found["targeted"] == found["everything"] == found["plain"]


def test_what_evolving_tells(tmp_path, home):
    """Its seconds, its memory, and how many documents each index was told of."""
    source = Documents("hypatia", 40, 10, 4).write(tmp_path / "source", home)
    found = steps.evolve(source, "targeted", tmp_path / "copy", home)
    assert found.indexes == {"website": 10}
    assert found.seconds >= found.reindexing > 0
    assert found.peak > 2**20


def test_database_grows_to_its_size(tmp_path):
    """What is added to a database makes it as large as is said, and can be read."""
    small = tmp_path / "small"
    small.mkdir()
    source = Database(small / "Data.fs", small / "blobs")
    with filling.opened(source) as db, db.transaction() as connection:
        connection.root()["site"] = "here"
    found = filling.grown(source, tmp_path / "grown", DatabaseSize("x", 2, 1500, 30))
    assert found.data.stat().st_size == pytest.approx(2 * 10**6, rel=0.1)
    with filling.opened(found) as db, db.transaction() as connection:
        root = connection.root()
        objects = [each for folder in root["ballast"].values() for each in folder]
        assert root["site"] == "here"
    assert len(objects) == 1500
    assert len(list(found.blobs.rglob("*.blob"))) == 30


def test_the_worst_read_is_told_apart_by_when_it_ended():
    """Reads that ended before the upgrade began are not of it; all others are."""
    answers = [
        Answer("read", "/", 0.0, 0.1, 200),
        Answer("search", "/", 0.9, 1.3, 200),
        Answer("read", "/", 2.0, 2.2, 500),
        Answer("write", "/", 0.0, 0.1, 503),
    ]
    watch = upgrade._Watch(1.0, answers)
    assert watch.worst(at_rest=True) == pytest.approx(100)
    assert watch.worst() == pytest.approx(400)
    assert watch.failed(writes=False) == [answers[2]]
    assert watch.counts == Counts(reads=3, failed=1, refused=1)


def _websites(data):
    """Return the websites of all documents, as the index has them."""
    script = (
        "import json, sys\n"
        "from ZODB.DB import DB\n"
        "from ZODB.FileStorage import FileStorage\n"
        "db = DB(FileStorage(sys.argv[1], read_only=True))\n"
        "site = db.open().root()['site']\n"
        "index = site.catalog['website']\n"
        "found = [(d.website, d.docid in index.applyEq(d.website)) "
        "for d in site.documents.values()]\n"
        "print(json.dumps(found))\n"
    )
    found = json.loads(steps.python(script, data))
    assert all(is_found for _, is_found in found)
    return [website for website, _ in found]
