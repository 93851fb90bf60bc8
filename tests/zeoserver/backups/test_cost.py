"""What an increment costs depends on the increment alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.zeobackups import SILENT, Bench

from karl.recipe.zeoserver.backups import leftovers, materialise, writing

#: What is compared of the time before, and what Python reads of itself.
SLACK = 4 << 20


def _bytes_read() -> int:
    for line in Path("/proc/self/io").read_text().splitlines():
        name, _, value = line.partition(": ")
        if name == "rchar":
            return int(value)
    raise AssertionError("the kernel does not say")


@pytest.fixture
def large(tmp_path) -> Bench:
    """A database of 10,000 objects and 24 MB."""
    bench = Bench(tmp_path / "acme")
    with bench.live() as live:
        for number in range(10):
            values = {f"{number}-{each}": {"text": "x" * 2200} for each in range(1000)}
            live.commit(**values)
        live.commit(**{f"blob{each}": b"b" for each in range(100)})
    return bench


def test_an_increment_and_catching_up_read_only_what_is_new(large):
    """Neither the database, nor its objects, nor the chain are read again."""
    full = large.full()
    copy = large.restore()
    assert full.size > 20 << 20
    with large.live() as live:
        live.commit(one="more", blob0=b"other")
        before = _bytes_read()
        unit = large.increment(end=live.end)
        materialise.append(unit, copy, full.until)
        assert _bytes_read() - before < SLACK
    assert copy.data.read_bytes() == large.content


def test_an_increment_looks_at_no_other_blob(large, monkeypatch):
    """No blob but those of the increment is touched, whatever there is."""
    large.full()
    tid = large.commit(blob0=b"other")
    leftovers.repair(large.repository, SILENT)
    plan = large.plan()
    touched = []
    real = writing.blobs.status_of

    def status_of(folder, path):
        touched.append(path)
        return real(folder, path)

    monkeypatch.setattr(writing.blobs, "status_of", status_of)
    writing.write(large.repository, plan, SILENT)
    assert touched
    assert all(tid in path for path in touched)
