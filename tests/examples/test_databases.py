"""The product on databases of several kinds and in several states."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest


def test_read_only_database(serve, releases, filled):
    """Everything can be read of a read-only database; a form gets a polite 503."""
    filled.bind(read_only=True)
    for folder, _, files in os.walk(filled.folder / "blobs"):
        for file in files:
            os.chmod(os.path.join(folder, file), 0o400)
    before = filled.data.read_bytes()
    with serve(releases["karl-3.30"], filled) as browser:
        for page in ("/", "/communities/", "/people/", "/search?q=water", "/healthz"):
            assert browser.get(page).status == 200, page
        found = browser.links("/search?kind=file&q=water")
        file = next(link for link in found if "/files/" in link)
        assert len(browser.get(f"{file}@@download").body) > 1000
        reply = browser.send("/communities/@@add", title="New", description="")
        assert reply.status == 503
        assert reply.headers["Retry-After"] == "60"
        assert "Read-only for a moment" in reply.text
        refused = browser.upload(
            file.rsplit("/", 2)[0] + "/@@add", "a.txt", b"text", title=""
        )
        assert refused.status == 503
    assert filled.data.read_bytes() == before


def test_empty_read_only_database(releases, empty):
    """An empty database that is read-only is refused with what to do."""
    empty.data.touch()
    empty.bind(read_only=True)
    command = releases["karl-3.30"].command(
        "serve", "--revision", empty.folder, "--config", empty.config,
        "--bind", f"unix:{empty.folder / 'socket'}",
    )  # fmt: skip
    done = subprocess.run(
        command,
        env=releases["karl-3.30"].environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3
    assert "make it writable once" in done.stderr


def test_empty_database(serve, releases, empty):
    """Serving an empty database creates a site that needs no evolve step."""
    with serve(releases["acme-1.1"], empty) as browser:
        assert browser.get("/").status == 200
        health = json.loads(browser.get("/healthz").text)
    assert health["evolved"] is True
    assert {name: p["database"] for name, p in health["packages"].items()} == {
        "acme.site": 1,
        "karl.intranet": 1,
    }


@pytest.fixture
def zeo(empty, python, tmp_path):
    """An empty database that a ZEO server serves, and the revision of its clients."""
    socket = tmp_path / "zeo"
    configuration = tmp_path / "zeo.conf"
    configuration.write_text(
        f"<zeo>\n  address {socket}\n</zeo>\n<filestorage main>\n"
        f"  path {empty.data}\n  blob-dir {empty.folder / 'blobs'}\n</filestorage>\n"
    )
    (empty.folder / "zodb.conf").write_text(
        "%import ZEO\n<zodb main>\n  <clientstorage>\n"
        f"    server {socket}\n    storage main\n    wait-timeout 20\n"
        "    server-sync on\n    read-only-fallback on\n"
        f"    blob-dir {tmp_path / 'cache'}\n  </clientstorage>\n</zodb>\n"
    )
    with subprocess.Popen(
        [str(python), "-m", "ZEO.runzeo", "-C", str(configuration)],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        yield empty
        server.terminate()
        server.wait(30)


def test_several_workers(serve, releases, zeo):
    """What one process has stored, every other shows at once, blobs included."""
    release = releases["karl-3.30"]
    with serve(release, zeo, "--workers", 3, "--threads", 2) as browser:
        for number in range(10):
            reply = browser.send(
                "/communities/@@add", title=f"Number {number}", description=""
            )
            assert reply.status == 200
            assert f"{number + 1} communities" in browser.get("/").text
        page = browser.upload(
            "/communities/number-1/files/@@add", "a.txt", b"shared", title=""
        )
        assert browser.get(page.url + "@@download").body == b"shared"
        status = release.run("evolve_status", "--revision", zeo.folder)
        assert "current" in status.stdout


PREPARE = """
import sys
from pathlib import Path
from karl.intranet.database import opened, prepare
with opened(Path(sys.argv[1]) / "zodb.conf") as database:
    prepare(database)
    with database.transaction() as connection:
        print(connection.root()["site"]._p_oid.hex())
"""


def test_starting_at_once(releases, zeo):
    """Processes that start together on an empty database agree on one site."""
    release = releases["karl-3.30"]
    command = [str(release.python), "-c", PREPARE, str(zeo.folder)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    starting = [
        subprocess.Popen(command, env=release.environment, **pipes) for _ in range(6)
    ]
    ended = [process.communicate(timeout=120) for process in starting]
    assert [process.returncode for process in starting] == [0] * 6, ended
    assert len({output for output, _ in ended}) == 1


def test_status_while_served(serve, releases, filled):
    """The status can be read while the site has the database open."""
    with serve(releases["karl-3.30"], filled):
        done = releases["karl-3.30"].run(
            "evolve_status", "--revision", filled.folder, "--json"
        )
    assert json.loads(done.stdout) == [
        {
            "distribution": "karl.intranet",
            "module": "karl.intranet.evolve",
            "software": 0,
            "database": 0,
            "pending": [],
            "state": "current",
        }
    ]


def test_status_without_a_database(releases, empty):
    """A missing database is an error, and is not created by asking."""
    done = releases["karl-3.30"].run(
        "evolve_status", "--revision", empty.folder, check=False
    )
    assert done.returncode == 1
    assert "Data.fs" in done.stderr
    assert not empty.data.exists()


COUNTS = """
import hashlib, json, sys
from collections import Counter
from pathlib import Path
from karl.intranet.content import site_of
from karl.intranet.database import opened
with opened(Path(sys.argv[1]) / "zodb.conf", read_only=True) as database:
    with database.transaction() as connection:
        site = site_of(connection.root())
        kinds = Counter()
        texts = hashlib.sha256()
        indexes = {name: len(index.docids()) for name, index in site.catalog.items()}
        for community in site["communities"].values():
            kinds["community"] += 1
            for page in community["wiki"].values():
                kinds["page"] += 1
                texts.update(f"{page.title} {page.text} {page.modified}".encode())
            for file in community["files"].values():
                kinds["file"] += 1
                with file.blob.open("r") as stream:
                    content = stream.read()
                assert len(content) == file.size
                texts.update(content)
        for person in site["people"].values():
            kinds["person"] += 1
            texts.update(f"{person.title} {person.website}".encode())
print(json.dumps([kinds, indexes, texts.hexdigest()]))
"""


def test_filling(releases, filled, empty):
    """The same seed fills in the same documents, all catalogued, blobs included."""
    release = releases["karl-3.30"]
    done = release.run("fill", 200, "--revision", empty.folder, "--batch", 50)
    kinds, indexes, texts = json.loads(release.script(COUNTS, empty.folder))
    assert kinds == {"community": 4, "page": 156, "file": 20, "person": 20}
    assert set(indexes.values()) == {200}
    assert texts == json.loads(release.script(COUNTS, filled.folder))[2]
    assert "50 of 200" in done.stderr
    assert "a second" in done.stderr
    release.run("fill", 10, "--revision", empty.folder, "--seed", 2, "--quiet")
    kinds, indexes, more = json.loads(release.script(COUNTS, empty.folder))
    assert sum(kinds.values()) == 210
    assert set(indexes.values()) == {210}
    assert more != texts


def test_filling_without_a_revision(releases, tmp_path):
    """Without a zodb.conf, filling fails with what to do."""
    done = releases["karl-3.30"].run("fill", 1, "--revision", tmp_path, check=False)
    assert done.returncode == 1
    assert "name a revision folder that has a zodb.conf" in done.stderr


def test_sizes(releases, empty):
    """Pages and files can be made as large as a measurement needs."""
    releases["karl-3.30"].run(
        "fill", 40, "--revision", empty.folder, "--words", 2000, "--file-size", 500_000
    )
    used = sum(
        file.stat().st_size
        for file in (empty.folder / "blobs").rglob("*.blob")
    )  # fmt: skip
    assert used > 4 * 100_000
    assert empty.data.stat().st_size > 30 * 10_000
    shutil.rmtree(empty.folder)
