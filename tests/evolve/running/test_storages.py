"""Which databases are opened, and how."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
import transaction
from support.evolvesites import (
    database,
    event,
    fill,
    repoze_catalog,
    run,
    surroundings,
)
from ZODB import DB
from ZODB.blob import Blob
from ZODB.FileStorage import FileStorage

HOLDING = """
import sys
from ZODB.FileStorage import FileStorage
held = FileStorage(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def data(tmp_path):
    """A small site."""
    return fill(tmp_path / "copy" / "Data.fs", 300)


def configuration(tmp_path, data):
    """Return a zodb.conf of a database with blobs."""
    path = tmp_path / "zodb.conf"
    path.write_text(
        f"<zodb main>\n  <filestorage>\n    path {data}\n"
        f"    blob-dir {data.parent / 'blobs'}\n  </filestorage>\n</zodb>\n"
    )
    return path


def test_a_configuration_is_opened(packages, data, tmp_path):
    """The database of a zodb.conf is told, dry run and evolved."""
    conf = configuration(tmp_path, data)
    before = data.read_bytes()
    assert run(packages, "--zodb-conf", conf).returncode == 0
    assert run(packages, "--zodb-conf", conf, "--dry-run").returncode == 0
    assert data.read_bytes() == before
    assert run(packages, "--zodb-conf", conf, "--evolve").returncode == 0
    with database(data, read_only=True) as root:
        assert root["repoze.evolution"] == {"product": 1, "addon": 1}


def test_blobs_are_read_and_written(packages, data):
    """A step reads blobs and makes new ones; a dry run keeps none of them."""
    (packages / "addon" / "evolve1.py").write_text(
        "from ZODB.blob import Blob\n"
        "def evolve(root):\n"
        '    with root["old"].open() as old:\n'
        '        root["new"] = Blob(old.read() + b" evolved")\n'
    )
    blobs = data.parent / "blobs"
    with DB(FileStorage(str(data), blob_dir=str(blobs))).transaction() as connection:
        connection.root()["old"] = Blob(b"bytes")
        database_ = connection.db()
    database_.close()
    transaction.abort()
    files = sorted(blobs.rglob("*.blob"))
    arguments = ("--data", data, "--blobs", blobs)
    result = run(packages, *arguments, "--dry-run")
    assert result.returncode == 0, result.stderr
    assert sorted(blobs.rglob("*.blob")) == files
    assert run(packages, *arguments, "--evolve").returncode == 0
    assert len(sorted(blobs.rglob("*.blob"))) == len(files) + 1


def test_missing_databases_are_not_made(packages, tmp_path):
    """A Data.fs, blobs folder or configuration that is missing is refused."""
    missing = tmp_path / "Data.fs"
    assert run(packages, "--data", missing, "--evolve").returncode == 3
    assert run(packages, "--zodb-conf", tmp_path / "zodb.conf").returncode == 3
    conf = configuration(tmp_path, missing)
    assert run(packages, "--zodb-conf", conf, "--evolve").returncode == 3
    assert not missing.exists()
    data = fill(tmp_path / "copy" / "Data.fs", 1)
    blobs = tmp_path / "blobs"
    assert run(packages, "--data", data, "--blobs", blobs).returncode == 3
    assert not blobs.exists()


def test_wrong_usage(packages, data, tmp_path):
    """Options that do not go together end with exit code 2; programs are told why."""
    conf = configuration(tmp_path, data)
    assert run(packages).returncode == 2
    assert run(packages, "--data", data, "--zodb-conf", conf).returncode == 2
    assert run(packages, "--zodb-conf", conf, "--blobs", tmp_path).returncode == 2
    result = run(packages, "--data", data, "--evolve", "--check", "--json")
    assert result.returncode == 2
    assert event(result, "error")["exit"] == 2
    conf.write_text("<zodb>\n  <filestorage>\n")
    assert run(packages, "--zodb-conf", conf).returncode == 2


def test_a_database_in_use_is_refused(packages, data):
    """What another process writes to is not evolved, and is told while it does."""
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            HOLDING,
            str(data),
        ],
        env=surroundings(packages),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout.readline() == "held\n"
        result = run(packages, "--data", data, "--evolve", "--json")
        assert result.returncode == 5
        assert "open for writing" in event(result, "error")["message"]
        assert run(packages, "--data", data).returncode == 0
    finally:
        holder.communicate()


def test_an_empty_database_is_refused(packages, tmp_path):
    """A file without a root is left so."""
    data = tmp_path / "Data.fs"
    FileStorage(str(data)).close()
    result = run(packages, "--data", data)
    assert result.returncode == 3
    assert "The database is empty" in result.stderr


@pytest.mark.slow
def test_memory_stays_flat(tmp_path, packages):
    """Ten times the objects need hardly more memory."""
    shutil.rmtree(packages / "addon-1.0.dist-info")
    base = packages / "product" / "base.py"
    base.write_text(base.read_text().replace("batch = 100", "batch = 1000"))
    peaks = []
    for count in (10_000, 100_000):
        catalog = repoze_catalog(text=False)
        del catalog["title"]
        data = fill(tmp_path / f"{count}.fs", count, catalog)
        result = run(packages, "--data", data, "--evolve", "--json")
        assert result.returncode == 0, result.stdout + result.stderr
        documents = event(result, "reindex_end")["documents"]
        assert documents == event(result, "step_end")["changed"] == count * 2 // 3
        peaks.append(event(result, "end")["peak_memory"])
    assert peaks[1] - peaks[0] < 24 << 20, peaks
