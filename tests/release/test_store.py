"""Wheels are unpacked once, whole, and nobody edits them unseen."""

from __future__ import annotations

import errno
import importlib.util
import os
import stat
import threading
import time
from pathlib import Path

import pytest
from support.faults import in_child, killed_at, raising_at
from support.rawwheels import RawWheel
from support.workshop import Notes

from karl.recipe.release.base import files, locks
from karl.recipe.release.base.errors import DamagedError, KarlError
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.trees.sources import Source
from karl.recipe.release.trees.store import Store


def sample(number: int = 0) -> RawWheel:
    name = f"sample{number}"
    return RawWheel(
        name,
        members={
            f"{name}/__init__.py": f"NUMBER = {number}\n".encode(),
            f"{name}/old.py": b"print 'Python 2'\n",
            f"{name}/tool.sh": b"#!/bin/sh\n",
            f"{name}/__pycache__/stale.cpython-311.pyc": b"stale",
        },
        modes={f"{name}/tool.sh": stat.S_IFREG | 0o755},
    )


def source(software: SoftwareLayout, made: RawWheel) -> Source:
    path = made.write(software.pool)
    size = path.stat().st_size
    return Source(made.name, made.version, path, files.sha256_of(path), size)


@pytest.fixture
def store(software: SoftwareLayout, notes: Notes) -> Store:
    return Store(software, notes, 1)


def content(software: SoftwareLayout) -> list[str]:
    return sorted(path.name for path in software.store.glob("*/*"))


def test_entry(store: Store, software: SoftwareLayout):
    """Files are 0444, executables and folders 0555, all of one time."""
    before = int(time.time())
    (stored,) = store.provide([source(software, sample())])
    seen = {}
    for folder, _, names in os.walk(stored.root):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o555
        for name in names:
            state = os.stat(os.path.join(folder, name))
            seen[name] = stat.S_IMODE(state.st_mode)
            assert state.st_mtime_ns == stored.entry.mtime * 10**9
    assert stored.entry.mtime >= before
    assert seen.pop("tool.sh") == 0o555
    assert set(seen.values()) == {0o444}


def test_bytecode(store: Store, software: SoftwareLayout):
    """Bytecode is by unchecked hash; what is no Python 3 has none; stale goes."""
    (stored,) = store.provide([source(software, sample())])
    cache = stored.root / "lib/sample0/__pycache__"
    (made,) = cache.iterdir()
    head = made.read_bytes()[:8]
    assert made.name == Path(importlib.util.cache_from_source("__init__.py")).name
    assert head == importlib.util.MAGIC_NUMBER + b"\x01\0\0\0"
    assert (stored.root / "lib/sample0/old.py").exists()


def test_namespace_pth_is_left_out(store: Store, software: SoftwareLayout):
    """Files that declare a namespace at every start are left out; others stay."""
    made = sample()
    made.members["sample-nspkg.pth"] = b"import sys, types, os;p = 1\n"
    made.members["other-nspkg.pth"] = b"import evil\n"
    (stored,) = store.provide([source(software, made)])
    assert "other-nspkg.pth" in stored.entry.lib
    assert "sample-nspkg.pth" not in stored.entry.lib


@pytest.mark.parametrize("count", [1, 2])
def test_once(count: int, store: Store, software: SoftwareLayout):
    """A second time nothing is unpacked, and the pool is not needed."""
    store.count = count
    sources = [source(software, sample(number)) for number in range(5)]
    first = store.provide(sources)
    for one in sources:
        one.path.unlink()
    store.reporter = notes = Notes()
    assert store.provide(sources) == first
    assert not notes.said
    assert [stored.entry.name for stored in first] == [s.project for s in sources]


@pytest.mark.parametrize("count", [1, 2])
def test_bad_wheel_leaves_nothing(count: int, store: Store, software: SoftwareLayout):
    """If one wheel is bad, none is left half-made, and the error names it."""
    store.count = count
    bad = sample(1)
    bad.record["sample1/old.py"] = "sample1/old.py,sha256=bm90IGl0,3"
    sources = [source(software, made) for made in (sample(0), bad, sample(2))]
    with pytest.raises(DamagedError, match=r"sample1/old.py is not what RECORD"):
        store.provide(sources)
    assert not [name for name in content(software) if name.startswith(".")]
    assert store.find(sources[1].sha256) is None


def write_record(root: Path, text: str) -> None:
    root.chmod(0o755)
    files.write(root / "entry.json", text)


def test_metadata(store: Store, software: SoftwareLayout):
    """An entry tells what its wheel needs, so that nobody has to open the wheel."""
    wheel = RawWheel("needy", requires=("a>=1; extra == 'x'", "b"))
    one = source(software, wheel)
    assert store.metadata(one.sha256) is None
    store.provide([one])
    one.path.unlink()
    found = store.metadata(one.sha256)
    assert found
    assert (found.name, found.version) == ("needy", "1.0")
    assert found.requires == wheel.requires
    (stored,) = store.provide([one])
    write_record(stored.root, "{}")
    assert store.metadata(one.sha256) is None


def test_broken_record_is_made_anew(
    store: Store, software: SoftwareLayout, notes: Notes
):
    """An entry whose record is broken is made anew, and the operator told."""
    one = source(software, sample())
    (stored,) = store.provide([one])
    write_record(stored.root, "{}")
    (again,) = store.provide([one])
    assert again.entry.lib == stored.entry.lib
    assert "made anew" in notes.warned[0]
    assert content(software) == [one.sha256]


def test_broken_record_without_wheel(store: Store, software: SoftwareLayout):
    """An entry whose record is broken is refused if its wheel is not in the pool."""
    one = source(software, sample())
    (stored,) = store.provide([one])
    one.path.unlink()
    write_record(stored.root, "{}")
    with pytest.raises(DamagedError, match="is damaged"):
        store.provide([one])


def test_entry_of_another_format(store: Store, software: SoftwareLayout):
    """An entry that an older or newer version wrote is made anew, silently."""
    one = source(software, sample())
    (stored,) = store.provide([one])
    write_record(stored.root, '{"format": 99}')
    assert store.provide([one])[0].entry.name == "sample0"


def test_pooled_wheel_altered(store: Store, software: SoftwareLayout):
    """A pooled wheel with other bytes than the index names never gets in."""
    one = source(software, sample())
    one.path.write_bytes(one.path.read_bytes() + b" ")
    with pytest.raises(DamagedError, match="other bytes than its index names"):
        store.provide([one])
    assert content(software) == []


def test_killed_at_every_step(software: SoftwareLayout, notes: Notes):
    """Killed at any step, the next run cleans up and has whole entries."""
    sources = [source(software, sample(number)) for number in range(2)]
    number = 1
    while killed_at(number, lambda: Store(software, notes, 1).provide(sources)):
        for entry in store_entries(software):
            assert (entry / "entry.json").exists()
        found = Store(software, notes, 1).provide(sources)
        assert [stored.entry.name for stored in found] == ["sample0", "sample1"]
        assert content(software) == sorted(one.sha256 for one in sources)
        files.remove_tree(software.store)
        number += 1
    assert number > 5


def store_entries(software: SoftwareLayout) -> list[Path]:
    return [p for p in software.store.glob("*/*") if not files.is_partial(p)]


@pytest.mark.parametrize("number", range(1, 8))
def test_full_disk_at_every_step(
    number: int, store: Store, software: SoftwareLayout, monkeypatch
):
    """A full disk at any step leaves no half entry, and the next run succeeds."""
    sources = [source(software, sample(one)) for one in range(2)]
    error = OSError(errno.ENOSPC, "No space left on device")
    with monkeypatch.context() as patch:
        patch.setattr(files, "seam", raising_at(number, error))
        try:
            store.provide(sources)
        except OSError as raised:
            assert raised is error  # noqa: PT017 - or it succeeds
    assert not [name for name in content(software) if name.startswith(".")]
    store.provide(sources)
    assert content(software) == sorted(one.sha256 for one in sources)


def test_worker_dies(store: Store, software: SoftwareLayout, monkeypatch):
    """If a worker is killed, the run fails, says so and leaves nothing half."""
    sources = [source(software, sample(number)) for number in range(4)]
    parent = os.getpid()

    def seam(action: str, path: Path) -> None:
        if os.getpid() != parent:
            os._exit(9)

    store.count = 2
    with monkeypatch.context() as patch:
        patch.setattr(files, "seam", seam)
        # A thread that another test left would have it done without workers.
        patch.setattr(threading, "active_count", lambda: 1)
        with pytest.raises(KarlError, match="worker process died"):
            store.provide(sources)
    assert content(software) == []


def test_two_at_once(software: SoftwareLayout, notes: Notes):
    """Two processes that fill the store at once both get whole entries."""
    sources = [source(software, sample(number)) for number in range(6)]

    def fill() -> None:
        assert len(Store(software, notes, 2).provide(sources)) == 6

    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            os._exit(in_child(fill))
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    assert content(software) == sorted(one.sha256 for one in sources)


def test_others_work_is_left_alone(store: Store, software: SoftwareLayout):
    """Unfinished work is only removed when no other process fills the store."""
    folder = software.store_entry("0" * 64).parent
    other = folder / f"{files.PARTIAL_PREFIX}other"
    other.mkdir(parents=True)
    with locks.sharing(software.store_lock, lambda: None):
        store.provide([source(software, sample())])
        assert other.exists()
    store.provide([source(software, sample())])
    assert not other.exists()
