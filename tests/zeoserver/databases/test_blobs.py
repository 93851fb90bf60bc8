"""Names of blob files, and how they are shared."""

from __future__ import annotations

import os

import pytest
from ZODB.blob import LAYOUTS

from karl.recipe.release.base.errors import DamagedError
from karl.recipe.zeoserver.databases import blobs
from karl.recipe.zeoserver.databases.blobs import BlobName

NAMES = [
    BlobName(bytes(7) + b"\x01", bytes.fromhex("040d35742d42f000")),
    BlobName(bytes.fromhex("0102030405060708"), bytes(7) + b"\x0f"),
    BlobName(bytes(8), bytes.fromhex("f" * 16)),
]


@pytest.mark.parametrize("layout", [blobs.BUSHY, blobs.LAWN])
@pytest.mark.parametrize("name", NAMES)
def test_paths_are_those_of_zodb(layout, name):
    """A blob is looked for where ZODB puts it."""
    path = blobs.path_of(name, layout)
    assert path == LAYOUTS[layout].getBlobFilePath(name.oid, name.tid)
    assert blobs.tid_of(path) == name.tid.hex()


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "0x00/../0x01.blob",
        "0x00/0x00.blob/",
        "0x00/0x0g.blob",
        "0x00/0x01.tmp",
        "0x00/0x01.blob\n",
        "",
    ],
)
def test_other_paths_are_no_blobs(path, tmp_path):
    """Nothing outside of a blob directory can be named."""
    with pytest.raises(DamagedError):
        blobs.tid_of(path)
    with pytest.raises(DamagedError):
        blobs.take(tmp_path, tmp_path, path)


@pytest.mark.parametrize("layout", [blobs.BUSHY, blobs.LAWN])
def test_the_layout_is_the_one_that_is_marked(tmp_path, layout):
    """The mark decides; without one ZODB's guess is ours."""
    folder = tmp_path / "blobs"
    assert blobs.layout_of(folder) == blobs.BUSHY
    blobs.prepare(folder, layout)
    assert blobs.layout_of(folder) == layout
    (folder / blobs.MARK).unlink()
    (folder / "0x01").mkdir()
    assert blobs.layout_of(folder) == blobs.LAWN
    (folder / blobs.MARK).write_text("meadow")
    with pytest.raises(DamagedError, match="meadow"):
        blobs.layout_of(folder)


@pytest.fixture
def folder(tmp_path):
    """A blob directory with two blobs and much that is none."""
    folder = tmp_path / "blobs"
    blobs.prepare(folder, blobs.BUSHY)
    for name in NAMES[:2]:
        path = folder / blobs.path_of(name, blobs.BUSHY)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"content")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "0x05.blob").write_bytes(b"outside")
    (path.parent / "0x05.blob").symlink_to(outside / "0x05.blob")
    (path.parent / "0x06.tmp").write_bytes(b"unfinished")
    (folder / "0x07").symlink_to(outside)
    (folder / "tmp").mkdir()
    (folder / "tmp" / "0x08.blob").write_bytes(b"stray")
    os.mkfifo(path.parent / "0x09.blob")
    return folder


def test_only_committed_blobs_are_listed(folder):
    """Links, pipes, temporary and later files are passed over."""
    paths = sorted(blobs.path_of(name, blobs.BUSHY) for name in NAMES[:2])
    assert sorted(blobs.listing(folder, "f" * 16)) == paths
    assert list(blobs.listing(folder, "0" * 15 + "f")) == [paths[1]]


@pytest.mark.parametrize("name", ["0x05.blob", "0x09.blob"])
def test_what_is_no_plain_file_is_refused(folder, tmp_path, name):
    """A link or a pipe under a blob's name is not read."""
    path = blobs.path_of(NAMES[1], blobs.BUSHY).rpartition("/")[0] + f"/{name}"
    with pytest.raises(DamagedError, match="not a plain file"):
        blobs.take(folder, tmp_path / "other", path)
    with pytest.raises(DamagedError, match="not a plain file"):
        blobs.sum_of(folder, path)


def test_a_folder_behind_a_link_is_refused(folder, tmp_path):
    """A folder of blobs that is a link leads out."""
    with pytest.raises(DamagedError, match="is a link where a folder"):
        blobs.take(folder, tmp_path / "other", "0x07/0x05.blob")


def test_a_blob_is_linked_and_what_was_there_replaced(folder, tmp_path):
    """The same file under two names; a leftover makes way."""
    path = blobs.path_of(NAMES[0], blobs.BUSHY)
    target = tmp_path / "other"
    (target / path).parent.mkdir(parents=True)
    (target / path).write_bytes(b"leftover")
    found = blobs.take(folder, target, path)
    assert found == blobs.sum_of(folder, path)
    assert os.path.samefile(folder / path, target / path)
