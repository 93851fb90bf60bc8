from __future__ import annotations

import os
import shutil
import zipfile

import pytest
from support.wheels import make_sdist, make_wheel

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError, RefusedError, UsageError
from karl.recipe.release.distributions.pool import Pool, identify
from karl.recipe.release.indexes import garbage


@pytest.fixture
def pool(software) -> Pool:
    return Pool(software)


@pytest.mark.parametrize(
    ("name", "project", "version"),
    [
        ("acme.site-1.0.tar.gz", "acme-site", "1.0"),
        ("acme_site-1.0-py3-none-any.whl", "acme-site", "1.0"),
        ("Products.Foo-2.0a1.zip", "products-foo", "2.0a1"),
        ("zope.interface-4.0-py2.7-linux-x86_64.egg", "zope-interface", "4.0"),
        ("old-0.1.tgz", "old", "0.1"),
        ("old-0.1.tar.bz2", "old", "0.1"),
    ],
)
def test_project_and_version_come_from_the_name(name, project, version):
    """Wheels, sdists, zips and eggs are identified without opening them."""
    found = identify(name)
    assert (found.project, found.version) == (project, version)


@pytest.mark.parametrize(
    "name",
    [
        "../x-1.0.tar.gz",
        ".x-1.0.tar.gz",
        "x.tar.gz",
        "x-1.0.rpm",
        "x-1.0.whl",
        "a b-1.zip",
    ],
)
def test_other_names_are_refused(name):
    """What does not have the name of a distribution file cannot be pooled."""
    with pytest.raises(UsageError):
        identify(name)


def test_a_pooled_name_never_changes_its_bytes(pool, tmp_path):
    """Adding the same bytes again is fine, other bytes under the name are refused."""
    path = make_wheel(tmp_path / "a", "one", "1.0")
    pooled = pool.add(path)
    before = pooled.read_bytes()
    assert pool.add(path) == pooled
    other = make_wheel(tmp_path / "b", "one", "1.0", files={"one.py": "other\n"})
    with pytest.raises(RefusedError, match="other bytes"):
        pool.add(other)
    assert pooled.read_bytes() == before
    assert pooled.stat().st_mode & 0o222 == 0


def test_a_folder_is_moved_into_the_pool_and_linked_back(pool, tmp_path):
    """A folder's files of every kind go to the pool; relative links replace them."""
    folder = tmp_path / "incoming"
    wheel = make_wheel(folder, "one", "1.0")
    sdist = make_sdist(folder, "two", "1.0")
    with zipfile.ZipFile(folder / "three-1.0.zip", "w") as archive:
        archive.writestr("three-1.0/setup.py", "raise SystemExit('never run')")
    (folder / "notes.txt").write_text("not a distribution")
    every, moved = pool.take_folder(folder)
    assert sorted(moved) == sorted([wheel.name, sdist.name, "three-1.0.zip"]) == every
    for name in moved:
        link = folder / name
        assert link.is_symlink()
        assert not os.path.isabs(link.readlink())
        assert link.resolve() == (pool.directory / name).resolve()
    assert (folder / "notes.txt").read_text() == "not a distribution"
    assert pool.take_folder(folder) == (every, [])


def test_a_folder_with_one_wrong_file_is_left_alone(pool, tmp_path):
    """If one file of a folder conflicts, none of them is moved."""
    pool.add(make_wheel(tmp_path / "a", "zzz", "1.0"))
    folder = tmp_path / "incoming"
    make_wheel(folder, "aaa", "1.0")
    make_wheel(folder, "zzz", "1.0", files={"zzz.py": "other\n"})
    with pytest.raises(RefusedError):
        pool.take_folder(folder)
    assert [path.is_symlink() for path in folder.iterdir()] == [False, False]
    assert [found.project for found in pool.contents()] == ["zzz"]


def test_a_full_disk_leaves_no_half_file(pool, tmp_path, monkeypatch):
    """When copying fails half-way, the pool has no file of that name."""
    path = make_wheel(tmp_path, "one", "1.0")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", full)
        with pytest.raises(OSError, match="No space"):
            pool.add(path)
    assert [p.name for p in pool.directory.iterdir()] == [".lock"]
    pool.add(path)


def test_garbage_is_nothing_without_an_index(pool, software, tmp_path):
    """With no index at all, as in a wrong folder, nothing is garbage."""
    pool.add(make_wheel(tmp_path, "one", "1.0"))
    with pytest.raises(RefusedError, match="no index"):
        garbage.find(software)


@pytest.mark.parametrize("cut", [0, 1, 300])
def test_what_is_not_what_its_name_says_is_not_pooled(pool, tmp_path, cut):
    """A truncated archive, or a wheel of another project, is refused."""
    path = make_wheel(tmp_path, "one", "1.0")
    renamed = tmp_path / "two-1.0-py3-none-any.whl"
    shutil.copy(path, renamed)
    for name in (path, make_sdist(tmp_path, "one", "1.0")):
        short = tmp_path / "short" / name.name
        short.parent.mkdir(exist_ok=True)
        short.write_bytes(name.read_bytes()[:cut])
        with pytest.raises(DamagedError):
            pool.add(short)
    with pytest.raises(DamagedError, match="not what its name says"):
        pool.add(renamed)
    assert pool.contents() == []


def test_garbage_is_what_no_index_names(frozen, registry, software, pool, tmp_path):
    """What no index names goes; what is ours stays, as nobody else has it."""
    make_wheel(registry.folder, "one", "1.0")
    mine = make_wheel(tmp_path, "acme.site", "1.0")
    source = make_sdist(tmp_path, "acme.site", "1.0")
    pool.add(mine)
    pool.add(source)
    frozen("team/1.0", "one", "acme.site", private=("acme.*",))
    stray = pool.add(make_wheel(tmp_path, "two", "1.0"))
    old = pool.add(make_wheel(tmp_path, "acme.site", "0.9"))
    half = pool.directory / ".partial-two-1.0.tar.gz-00"
    half.write_text("half")
    entry = software.store / "cpython-311" / ("0" * 64)
    entry.mkdir(parents=True)
    (entry / "x.py").write_text("x")
    found = garbage.find(software)
    assert {item.path for item in found} == {stray, half, entry}
    garbage.remove(software, found)
    left = {path.name for path in pool.directory.iterdir() if path.name[0] != "."}
    assert left == {mine.name, source.name, old.name, "one-1.0-py3-none-any.whl"}
    assert not half.exists()
    assert not entry.exists()
    assert files.sha256_of(pool.directory / mine.name) == files.sha256_of(mine)
