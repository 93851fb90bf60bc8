"""Large files: cloned, linked, copied, appended and cut."""

from __future__ import annotations

import errno
import os

import pytest

from karl.recipe.release.base import files, largefiles
from karl.recipe.release.base.errors import DamagedError


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(bytes(range(256)) * 9000)
    return path


def test_a_part_is_copied_and_shown_as_it_passes(source, tmp_path):
    """What is fed is what is written; the new file is for its owner."""
    fed = bytearray()
    target = tmp_path / "target"
    largefiles.copy_range(source, target, 100, 2_000_000, fed.extend)
    assert target.read_bytes() == bytes(fed) == source.read_bytes()[100:2_000_100]
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_part_that_is_not_there_leaves_nothing(source, tmp_path):
    """A file that ends too early is an error, and there is no copy."""
    with pytest.raises(DamagedError, match="ends 4 bytes before"):
        largefiles.copy_range(source, tmp_path / "target", 256 * 9000 - 6, 10)
    assert not (tmp_path / "target").exists()


def test_nothing_is_written_over(source, tmp_path):
    """A name that is taken stays what it is."""
    target = tmp_path / "target"
    target.write_text("mine")
    for make in (largefiles.copy, largefiles.clone, largefiles.link):
        with pytest.raises(FileExistsError):
            make(source, target)
    assert target.read_text() == "mine"


def test_links_are_not_followed(source, tmp_path):
    """Neither to read nor to write."""
    link = tmp_path / "link"
    link.symlink_to(source)
    before = source.read_bytes()
    for make in (
        lambda: largefiles.read(link, len),
        lambda: largefiles.copy_range(link, tmp_path / "target", 0, 1),
        lambda: largefiles.append(link, source, 0),
    ):
        with pytest.raises(DamagedError, match="not a plain file"):
            make()
    for make in (
        lambda: largefiles.append(source, link, 0),
        lambda: largefiles.cut(link, 0),
    ):
        with pytest.raises(OSError, match="symbolic links"):
            make()
    assert source.read_bytes() == before


def test_a_copy_keeps_times_and_mode(source, tmp_path):
    """A copied file is known again by its time."""
    source.chmod(0o400)
    os.utime(source, ns=(10**18, 10**18 + 7))
    largefiles.copy(source, tmp_path / "target")
    status = (tmp_path / "target").stat()
    assert (status.st_mtime_ns, status.st_mode & 0o777) == (10**18 + 7, 0o400)


def test_a_clone_is_the_same_or_is_not_there(source, tmp_path):
    """Where blocks cannot be shared there is no file left."""
    target = tmp_path / "target"
    if largefiles.clone(source, target):
        assert target.read_bytes() == source.read_bytes()
    else:
        assert not target.exists()


def test_appending_that_fails_leaves_the_file_as_long_as_it_was(source, tmp_path):
    """Half an append is taken back."""
    target = tmp_path / "target"
    target.write_bytes(b"before")
    calls = []

    def fail(piece):
        calls.append(piece)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space")

    with pytest.raises(OSError, match="No space"):
        largefiles.append(source, target, 0, fail)
    assert target.read_bytes() == b"before"
    largefiles.append(source, target, 10)
    assert target.read_bytes() == b"before" + source.read_bytes()[10:]
    largefiles.cut(target, 3)
    assert target.read_bytes() == b"bef"


def test_a_file_that_is_not_written_to_its_end_gets_no_name(tmp_path):
    """What a failing writer left is removed."""
    path = tmp_path / "path"

    def fail(partial):
        partial.write_text("half")
        raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        largefiles.write_with(path, fail)
    assert list(tmp_path.iterdir()) == []
    largefiles.write_with(path, lambda partial: partial.write_text("all"))
    assert path.read_text() == "all"


def test_emptied_folders_go_with_the_file(tmp_path):
    """Folders that held nothing else are removed, up to the top."""
    top = tmp_path / "top"
    kept, gone = top / "a" / "kept", top / "a" / "b" / "c" / "gone"
    gone.parent.mkdir(parents=True)
    kept.write_text("")
    gone.write_text("")
    largefiles.remove_with_folders(gone, top)
    assert not (top / "a" / "b").exists()
    largefiles.remove_with_folders(top / "x" / "never", top)
    largefiles.remove_with_folders(kept, top)
    assert list(top.iterdir()) == []


@pytest.mark.parametrize("count", [0, 3, 100])
def test_files_and_their_folders_are_made_durable(tmp_path, monkeypatch, count):
    """Few are synced with the folders that lead to them, many with everything."""
    paths = [
        tmp_path / "top" / str(number % 2) / f"f{number}" for number in range(count)
    ]
    (tmp_path / "top").mkdir()
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    synced = []
    monkeypatch.setattr(files, "fsync_directory", synced.append)
    monkeypatch.setattr(files, "sync_file_system", synced.append)
    largefiles.sync(paths, tmp_path / "top")
    folders = {path.parent for path in paths} if count < 100 else set()
    assert set(synced) == {tmp_path / "top", *folders}


@pytest.mark.parametrize(
    "change", ["link", "clone", "copy", "append", "cut", "write_with"]
)
def test_every_change_is_announced(source, tmp_path, monkeypatch, change):
    """A test can fail each of them."""

    def fail(action, path):
        raise OSError(errno.EIO, action)

    monkeypatch.setattr(files, "seam", fail)
    target = tmp_path / "target"
    arguments = {
        "append": (source, source, 0),
        "cut": (source, 1),
        "write_with": (target, lambda path: path.touch()),
    }.get(change, (source, target))
    before = source.stat()
    with pytest.raises(OSError, match="Errno 5"):
        getattr(largefiles, change)(*arguments)
    assert not target.exists()
    assert source.stat().st_size == before.st_size
