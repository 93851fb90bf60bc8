from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.wheels import make_sdist, make_wheel

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError
from karl.recipe.release.building import archives
from karl.recipe.release.distributions.wheel import opened

SDIST_SHA256 = "0c1cf840db7fc30f153e4fe7dee13fdd68cb1136070a52882a7da06771a7b58c"
WHEEL_SHA256 = "55a4d6b9c29c44b7dd3ac3b6603e9c19ef17b7e95cbcef9e173d21b58c422d20"

TarMaker = Callable[..., Path]


@pytest.fixture
def tar(tmp_path: Path) -> TarMaker:
    """Write a tar archive of members and their content."""

    def make(*members: tuple[tarfile.TarInfo, bytes]) -> Path:
        path = tmp_path / "evil-1.0.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for info, content in members:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return path

    return make


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = ""):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = link
    return info, b"content" if kind == tarfile.REGTYPE else b""


HOSTILE = {
    "parent": [member("evil-1.0/../../victim")],
    "top parent": [member("../victim")],
    "absolute": [member("/tmp/victim")],
    "dot": [member("evil-1.0/./x")],
    "symlink out": [member("evil-1.0/x", tarfile.SYMTYPE, "../../victim")],
    "absolute symlink": [member("evil-1.0/x", tarfile.SYMTYPE, "/etc/passwd")],
    "write through symlink": [
        member("evil-1.0/x", tarfile.SYMTYPE, "y"),
        member("evil-1.0/x/victim"),
    ],
    "chain of symlinks": [
        member("evil-1.0/a/b/up", tarfile.SYMTYPE, "../.."),
        member("evil-1.0/out", tarfile.SYMTYPE, "a/b/up/../../x"),
    ],
    "hard link out": [member("evil-1.0/x", tarfile.LNKTYPE, "../../victim")],
    "hard link to symlink": [
        member("evil-1.0/y", tarfile.SYMTYPE, "z"),
        member("evil-1.0/x", tarfile.LNKTYPE, "evil-1.0/y"),
    ],
    "device": [member("evil-1.0/x", tarfile.CHRTYPE)],
    "pipe": [member("evil-1.0/x", tarfile.FIFOTYPE)],
    "twice": [member("evil-1.0/x"), member("evil-1.0/x")],
    "two folders": [member("evil-1.0/x"), member("other/x")],
    "no folder": [member("x")],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_hostile_sdist_is_refused(members, tar: TarMaker, tmp_path: Path):
    """An sdist that would write outside of its folder is refused by name."""
    into = tmp_path / "deep" / "into"
    into.mkdir(parents=True)
    (tmp_path / "deep" / "victim").write_text("safe")
    with pytest.raises(DamagedError, match=r"evil-1\.0\.tar\.gz is refused"):
        archives.unpack_sdist(tar(*members), into)
    assert (tmp_path / "deep" / "victim").read_text() == "safe"
    assert not list(into.rglob("victim"))


@pytest.mark.parametrize("name", ["../x", "/x", "evil-1.0/../../x"])
def test_hostile_zip_is_refused(name: str, tmp_path: Path):
    """A zipped sdist that would write outside of its folder is refused."""
    path = tmp_path / "evil-1.0.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "content")
    with pytest.raises(DamagedError, match="would land outside"):
        archives.unpack_sdist(path, tmp_path / "into")


def test_symlink_in_zip_is_refused(tmp_path: Path):
    """A zipped sdist with a symlink is refused."""
    path = tmp_path / "evil-1.0.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("evil-1.0/x")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DamagedError, match="no plain file"):
        archives.unpack_sdist(path, tmp_path / "into")


def test_sdist_with_sound_links(tar: TarMaker, tmp_path: Path):
    """Links within an sdist are unpacked, hard ones as files of their own."""
    into = tmp_path / "into"
    into.mkdir()
    source = archives.unpack_sdist(
        tar(
            member("evil-1.0/a/file"),
            member("evil-1.0/soft", tarfile.SYMTYPE, "a/file"),
            member("evil-1.0/hard", tarfile.LNKTYPE, "evil-1.0/a/file"),
        ),
        into,
    )
    assert (source / "soft").readlink() == Path("a/file")
    assert (source / "hard").read_text() == "content"
    assert (source / "hard").stat().st_nlink == 1


def test_zipped_sdist(tmp_path: Path):
    """A zipped sdist is unpacked."""
    path = tmp_path / "good-1.0.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good-1.0/setup.py", "pass")
    into = tmp_path / "into"
    into.mkdir()
    assert (archives.unpack_sdist(path, into) / "setup.py").read_text() == "pass"


def test_size_is_limited(tar: TarMaker, tmp_path: Path, monkeypatch):
    """An sdist that would fill the disk is refused."""
    monkeypatch.setattr(archives, "_MOST_BYTES", 3)
    with pytest.raises(DamagedError, match="bomb"):
        archives.unpack_sdist(tar(member("evil-1.0/x")), tmp_path / "into")


def test_wheel_is_stored_and_valid(tmp_path: Path):
    """A normalised wheel is uncompressed, sorted and has a RECORD that holds."""
    wheel = make_wheel(
        tmp_path, "thing", "1.0", files={"z.py": "z", "a,b.py": "a", "é.py": ""}
    )
    (tmp_path / "new").mkdir()
    target = archives.normalise_wheel(wheel, tmp_path / "new" / wheel.name)
    with zipfile.ZipFile(target) as archive:
        infos = archive.infolist()
    assert {info.compress_type for info in infos} == {zipfile.ZIP_STORED}
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    names = [info.filename for info in infos]
    assert names[:3] == ["a,b.py", "z.py", "é.py"]
    assert names[-1] == "thing-1.0.dist-info/RECORD"
    with opened(target, files.sha256_of(target)) as sound:
        assert sound.name == "thing"


def test_same_files_same_bytes(tmp_path: Path):
    """Order, compression, times and modes of what comes in leave no trace."""
    sums = set()
    for number, (compression, umask) in enumerate(
        [(zipfile.ZIP_DEFLATED, 0o077), (zipfile.ZIP_STORED, 0o002)]
    ):
        wheel = tmp_path / f"{number}.whl"
        names = ["a.py", "b.py", "x-1.dist-info/RECORD"]
        with zipfile.ZipFile(wheel, "w", compression) as archive:
            for name in names if number else reversed(names):
                info = zipfile.ZipInfo(name, (2000 + number, 1, 1, 0, 0, 0))
                info.external_attr = (0o666 & ~umask) << 16
                archive.writestr(info, name, compression)
        target = archives.normalise_wheel(wheel, tmp_path / f"{number}.new")
        sums.add(files.sha256_of(target))
    assert len(sums) == 1


def test_bytes_are_those_of_every_machine(tmp_path: Path):
    """What is written does not depend on this Python, its zlib or its umask."""
    entries = {"n-1/a.py": b"a" * 70000, "n-1/b/c.sh": b"#!/bin/sh\n"}
    source = tmp_path / "n-1.tar.gz"
    with tarfile.open(source, "w:gz", compresslevel=1) as archive:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.uid, info.uname = len(content), 5.5, 7, "me"
            info.mode = 0o700 if name.endswith("sh") else 0o600
            archive.addfile(info, io.BytesIO(content))
    sdist = archives.normalise_sdist(source, tmp_path / "new.tar.gz")
    with tarfile.open(sdist) as archive:
        assert {one.name: one.mode for one in archive} == {
            "n-1/a.py": 0o644,
            "n-1/b/c.sh": 0o755,
        }
    assert gzip.decompress(sdist.read_bytes())[:8] == b"n-1/a.py"
    assert files.sha256_of(sdist) == SDIST_SHA256
    wheel = make_wheel(tmp_path, "golden", "1.0", files={"golden.py": "x = 1\n"})
    target = archives.normalise_wheel(wheel, tmp_path / "new.whl")
    assert files.sha256_of(target) == WHEEL_SHA256


def test_long_and_foreign_names(tmp_path: Path):
    """Names of any length and script survive normalising an sdist."""
    name = f"n-1/{'ordner/' * 30}größe.txt"
    source = tmp_path / "n-1.tar.gz"
    with tarfile.open(source, "w:gz") as archive:
        info = tarfile.TarInfo(name)
        archive.addfile(info)
    sdist = archives.normalise_sdist(source, tmp_path / "new.tar.gz")
    with tarfile.open(sdist) as archive:
        assert archive.getnames() == [name]


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 200_000])
def test_stored_gzip(size: int):
    """Stored gzip is understood by every gzip."""
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    assert gzip.decompress(b"".join(archives.stored_gzip(data))) == data


def test_wheel_without_record_is_refused(tmp_path: Path):
    """A zip file without a RECORD is no wheel."""
    path = tmp_path / "x.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.py", "")
    with pytest.raises(DamagedError, match="no wheel"):
        archives.normalise_wheel(path, tmp_path / "y.whl")


def test_sdist_of_a_backend(tmp_path: Path):
    """A normalised sdist unpacks to the same files."""
    sdist = make_sdist(tmp_path, "thing", "1.0")
    new = archives.normalise_sdist(sdist, tmp_path / "new.tar.gz")
    assert [(one.name, one.content) for one in sorted(archives.read(sdist))] == [
        (one.name, one.content) for one in archives.read(new)
    ]
