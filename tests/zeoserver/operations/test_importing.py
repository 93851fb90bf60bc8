"""Databases of other sites are taken in, and backups become new copies."""

from __future__ import annotations

import os
import shutil
import time

import pytest
from support.zeofaults import content, quick
from support.zeoservers import database, fill, get, put
from ZODB.scripts.migrateblobs import migrate

from karl.recipe.release.base.reporter import SilentReporter
from karl.recipe.zeoserver.databases import tids
from karl.recipe.zeoserver.operations import space
from karl.recipe.zeoserver.servers import processes, supervisor


def one(document):
    return document["storages"]["site"]


@pytest.fixture
def source(tmp_path):
    """A database with objects and blobs, as a site has it."""
    data, blobs = tmp_path / "old" / "Data.fs", tmp_path / "old" / "blobstorage"
    data.parent.mkdir()
    with database(data, blobs) as db:
        fill(db, 20, blobs=3)
        put(db, "title", "moved")
    return data.parent


def words(source, *more, blobs="blobstorage"):
    found = ["import", "site", "--data", str(source / "Data.fs")]
    return [*found, *(["--blobs", str(source / blobs)] if blobs else []), *more]


def snapshot(folder):
    """Return all files with their content and times."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_an_imported_database_goes_live(box, source):
    """A site's database is copied, checked and served; the source is as it was."""
    made = box("site")
    before = snapshot(source)
    told = one(quick(made, *words(source, "--dry-run")))
    assert any("3 blobs" in step for step in told["plan"])
    supervisor.start(made.central, SilentReporter())
    told = one(quick(made, *words(source)))
    assert told["status"] == "live"
    with made.client("site") as db:
        assert get(db, "title") == "moved"
        with (
            db.transaction() as connection,
            connection.root()["things"]["blob-0-0"].open() as stream,
        ):
            assert stream.read().endswith(b"blob")
    assert snapshot(source) == before
    copy = made.storage_places("site").copy(1)
    for path in copy.blobs.rglob("*.blob"):
        assert path.stat().st_nlink == 1


def test_blobs_are_linked_only_if_that_is_said(box, source):
    """With --link-blobs blob files are shared; Data.fs never is."""
    made = box("site")
    quick(made, *words(source, "--link-blobs"))
    copy = made.storage_places("site").copy(1)
    assert {path.stat().st_nlink for path in copy.blobs.rglob("*.blob")} == {2}
    assert copy.data.stat().st_nlink == 1


def test_an_old_layout_of_blobs_is_converted(box, source, capsys):
    """A lawn of blobs becomes a bush, whatever ZODB's own migration made of it."""
    migrate(str(source / "blobstorage"), str(source / "lawn"), "lawn")
    capsys.readouterr()
    made = box("site")
    quick(made, *words(source, blobs="lawn"))
    copy = made.storage_places("site").copy(1)
    assert (copy.blobs / ".layout").read_text() == "bushy"
    expected = {
        str(path.relative_to(source / "blobstorage")): path.read_bytes()
        for path in (source / "blobstorage").rglob("*.blob")
    }
    assert content(made.storage_places("site"), 1)[1] == expected


def test_a_database_in_use_is_refused(box, source):
    """While a server has the source open, nothing is copied."""
    made = box("site")
    with database(source / "Data.fs", source / "blobstorage"):
        told = one(quick(made, *words(source), code=3))
    assert "has" in told["error"]["message"]
    assert "open" in told["error"]["message"]
    assert not made.storage_places("site").databases.exists()


def test_a_link_to_a_database_is_followed(box, source):
    """A Data.fs behind a symlink is found, and so is whoever has it open."""
    made = box("site")
    link = source / "linked" / "Data.fs"
    link.parent.mkdir()
    link.symlink_to(source / "Data.fs")
    verb = ["import", "site", "--data", str(link), "--blobs"]
    verb.append(str(source / "blobstorage"))
    with database(source / "Data.fs", source / "blobstorage"):
        quick(made, *verb, code=3)
    with database(link, source / "blobstorage"):
        quick(made, *verb, code=3)
    quick(made, *verb)
    assert not made.storage_places("site").copy(1).data.is_symlink()


def test_missing_blobs_are_refused_or_allowed(box, source):
    """A database without all its blobs is taken only if that is said."""
    made = box("site")
    next((source / "blobstorage").rglob("*.blob")).unlink()
    told = one(quick(made, *words(source), code=4))
    assert "1 blobs" in told["error"]["message"]
    assert "--allow-missing-blobs" in told["error"]["next"]
    told = one(quick(made, *words(source, blobs=""), code=4))
    assert "--blobs" in told["error"]["next"]
    assert made.state("site").live is None
    told = one(quick(made, *words(source, "--allow-missing-blobs")))
    assert told["number"] == 1


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda text: b"FS21" + text[4:], 3),
        (lambda text: b"PK\3\4" + text[4:], 2),
        (lambda text: text[:500] + bytes(50) + text[550:], 4),
    ],
    ids=["Python 2", "another file", "damaged"],
)
def test_what_is_no_good_database_is_refused(box, source, damage, code):
    """Nothing that FileStorage could not read gets a number."""
    made = box("site")
    data = source / "Data.fs"
    data.write_bytes(damage(data.read_bytes()))
    told = one(quick(made, *words(source), code=code))
    assert told["error"]["next"]
    assert made.state("site").copies == {}


def test_a_database_that_was_copied_incompletely_is_refused(box, source):
    """What ends within a transaction is taken only if that is said, and cut there."""
    made = box("site")
    data = source / "Data.fs"
    whole = data.read_bytes()
    data.write_bytes(whole[:-5])
    refused = one(quick(made, *words(source), code=4))["error"]
    assert "no whole transaction" in refused["message"]
    assert "--cut-torn-end" in refused["next"]
    for nothing in (b"FS30", whole[:100]):
        data.write_bytes(nothing)
        refused = one(quick(made, *words(source), code=4))["error"]
        assert "has no transaction" in refused["message"]
    assert made.state("site").copies == {}
    data.write_bytes(whole[:-5])
    quick(made, *words(source, "--cut-torn-end", "--allow-missing-blobs"))
    kept = made.storage_places("site").copy(1).data.read_bytes()
    assert len(kept) < len(whole) - 5
    assert whole.startswith(kept)


def test_a_full_disk_is_seen_first(box, source, monkeypatch):
    """Without room nothing begins, and how much is needed is told."""
    made = box("site")
    quick(made, "init", "site")
    quick(made, "stage", "site")
    monkeypatch.setattr(space, "free", lambda path: 1 << 20)
    for verb in (
        words(source, "--new-copy"),
        ["restore", "site", "--to-new-copy"],
        ["stage", "site", "--again"],
    ):
        told = one(quick(made, *verb, code=3))
        assert "no room" in told["error"]["message"]


def test_restore_as_of_a_time(box):
    """Each backed up moment comes back as a new copy; nothing there is written to."""
    made = box("site")
    quick(made, "init", "site")
    places = made.storage_places("site")
    copy = places.copy(1)
    tids = []
    for number in range(3):
        with database(copy.data, copy.blobs) as db:
            fill(db, 3, blobs=1)
            tids.append(put(db, "number", number))
        quick(made, "backup", "site")
    before = snapshot(copy.root)
    assert (
        "--to-new-copy" in one(quick(made, "restore", "site", code=2))["error"]["next"]
    )
    for number, tid in enumerate(tids):
        told = one(quick(made, "restore", "site", "--to-new-copy", "--at", tid))
        assert told["tid"] == tid
        restored = places.copy(told["number"])
        with database(restored.data, restored.blobs) as db:
            assert get(db, "number") == number
    assert snapshot(copy.root) == before
    last = one(quick(made, "restore", "site", "--to-new-copy"))
    assert content(places, last["number"]) == content(places, 1)
    listed = one(quick(made, "backups", "site"))["backups"]
    (name,) = [each["backup"] for each in listed if each["tid"] == tids[0]]
    told = one(quick(made, "restore", "site", "--to-new-copy", "--backup", name))
    assert told["tid"] == tids[0]
    for wrong in (["--at", "1999-01-01"], ["--backup", "no/such"]):
        quick(made, "restore", "site", "--to-new-copy", *wrong, code=3)
    for unset in ("", "9999-12-31"):
        quick(made, "restore", "site", "--to-new-copy", "--at", unset, code=2)
    both = ["--at", tids[0], "--backup", name]
    quick(made, "restore", "site", "--to-new-copy", *both, code=2)


def test_a_time_gives_what_the_site_had_then(box):
    """Whatever was adopted, given up or adopted again, before and after backups."""
    made = box("site")
    supervisor.start(made.central, SilentReporter())
    quick(made, "init", "site")

    def commit(number):
        with made.client("site") as db:
            tid = put(db, "number", number)
        return tid, now()

    def now():
        return tids.of_time(time.time())

    def restored(at):
        told = one(quick(made, "restore", "site", "--to-new-copy", "--at", at))
        copy = made.storage_places("site").copy(told["number"])
        with database(copy.data, copy.blobs) as db:
            return get(db, "number")

    first, _ = commit(1)
    quick(made, "backup", "site")
    _, given_up = commit(2)
    quick(made, "backup", "site")
    quick(made, "restore", "site", "--to-new-copy", "--at", first)
    quick(made, "serve", "site", "2")
    quick(made, "adopt", "site", "2", "--discard-writes")
    adopted = now()
    quick(made, "backup", "site")
    third, _ = commit(3)
    quick(made, "backup", "site")
    quick(made, "adopt", "site", "1", "--discard-writes")
    back = now()
    expected = {first: 1, given_up: 2, adopted: 1, third: 3, back: 2}
    assert {at: restored(at) for at in expected} == expected
    _, unknown = commit(4)
    told = one(quick(made, "restore", "site", "--to-new-copy", "--at", unknown, code=3))
    assert "zeoctl backup" in told["error"]["next"]
    quick(made, "backup", "site")
    assert {at: restored(at) for at in expected} == expected


def test_what_was_evolved_was_never_the_site_s(box):
    """A staged copy's own commits are no state of the site until it is adopted."""
    made = box("site")
    supervisor.start(made.central, SilentReporter())
    quick(made, "init", "site")
    with made.client("site") as db:
        old = put(db, "number", 1)
    quick(made, "stage", "site")
    copy = made.storage_places("site").copy(2)
    with database(copy.data, copy.blobs) as db:
        evolving = put(db, "number", 2)
        put(db, "number", 3)
    quick(made, "serve", "site", "2")
    quick(made, "adopt", "site", "2")
    adopted = tids.of_time(time.time())
    quick(made, "backup", "site")
    for at, number in ((old, 1), (evolving, 1), (adopted, 3)):
        told = one(quick(made, "restore", "site", "--to-new-copy", "--at", at))
        copy = made.storage_places("site").copy(told["number"])
        with database(copy.data, copy.blobs) as db:
            assert get(db, "number") == number


def test_a_disaster(box):
    """With the live copy's files lost, a restored copy can take its place."""
    made = box("site")
    supervisor.start(made.central, SilentReporter())
    quick(made, "init", "site")
    with made.client("site") as db:
        put(db, "precious", "kept")
    quick(made, "backup", "site")
    places = made.storage_places("site")
    processes.stop(made.central, "site", "a", SilentReporter())
    shutil.rmtree(places.copy(1).root)
    told = one(quick(made, "restore", "site", "--to-new-copy"))
    number = str(told["number"])
    quick(made, "serve", "site", number, "--read-only")
    quick(made, "adopt", "site", number, "--discard-writes")
    with made.client("site") as db:
        assert get(db, "precious") == "kept"
        put(db, "precious", "and writable")


def read_and_written(pid):
    """Return the bytes that a child read and wrote, as the kernel counts them."""
    with open(f"/proc/{pid}/io") as stream:
        found = dict(line.split(": ") for line in stream.read().splitlines())
    return int(found["rchar"]) + int(found["wchar"])


@pytest.mark.slow
def test_catch_up_costs_the_increment_only(box):
    """What catch-up reads and writes does not grow with the database."""
    costs = []
    for objects in (8_000, 30_000):
        made = box("site")
        quick(made, "init", "site")
        copy = made.storage_places("site").copy(1)
        with database(copy.data, copy.blobs) as db:
            fill(db, objects)
        quick(made, "stage", "site")
        with database(copy.data, copy.blobs) as db:
            fill(db, 20, blobs=2, key="late")
        costs.append(_cost_of(made, "catch-up", "site", "2"))
        size = copy.data.stat().st_size
        assert made.state("site").copy(2).position == size
    assert size > 5_000_000
    assert abs(costs[1] - costs[0]) < 100_000


def _cost_of(box, *verb):
    """Return the bytes that a verb reads and writes, in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            before = read_and_written("self")
            quick(box, *verb)
            cost = read_and_written("self") - before
            os.write(writing, str(cost).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        text = stream.read()
    os.waitpid(child, 0)
    return int(text)
