"""Wheels from anywhere, read with suspicion."""

from __future__ import annotations

import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.rawwheels import RawWheel, record_hash

from karl.recipe.release.base.errors import DamagedError
from karl.recipe.release.base.files import sha256_of
from karl.recipe.release.distributions import wheel

BAD: dict[str, tuple[Callable[[RawWheel], None], str]] = {}


Builder = Callable[[RawWheel], None]


def bad(message: str) -> Callable[[Builder], Builder]:
    """Register a way of being a bad wheel, and what is said about it."""

    def register(builder: Builder) -> Builder:
        BAD[builder.__name__] = (builder, message)
        return builder

    return register


def add(made: RawWheel, path: str, content: bytes = b"evil") -> None:
    made.members[path] = content


@bad("is an absolute path")
def absolute(made: RawWheel) -> None:
    add(made, "/etc/cron.d/evil")


@bad("leads out of the tree")
def climbing(made: RawWheel) -> None:
    add(made, "sample/../../evil.py")


@bad("leads out of the tree")
def climbing_data(made: RawWheel) -> None:
    add(made, f"{made.data}/data/../../../evil")


@bad("has a backslash")
def backslash(made: RawWheel) -> None:
    add(made, "sample\\..\\evil.py")


@bad("is an absolute path")
def drive(made: RawWheel) -> None:
    add(made, "C:/evil.py")


@bad("is a symlink")
def symlink(made: RawWheel) -> None:
    add(made, "sample/link", b"/etc/passwd")
    made.modes["sample/link"] = stat.S_IFLNK | 0o777


@bad("is no file but a device")
def device(made: RawWheel) -> None:
    add(made, "sample/device")
    made.modes["sample/device"] = stat.S_IFCHR | 0o666


@bad("names a device")
def device_name(made: RawWheel) -> None:
    add(made, "sample/NUL.txt")


@bad("has control characters")
def control_character(made: RawWheel) -> None:
    add(made, "sample/a\nb.py")


@bad("is too long")
def long_name(made: RawWheel) -> None:
    add(made, "sample/" + "x" * 300)


@bad("differ in case only")
def case_collision(made: RawWheel) -> None:
    add(made, "sample/A.py")
    add(made, "sample/a.py")


@bad("is in it twice")
def duplicate(made: RawWheel) -> None:
    made.extra.append(("sample/__init__.py", b"evil"))


@bad("is a file and a folder")
def file_and_folder(made: RawWheel) -> None:
    add(made, "sample/x")
    add(made, "sample/x/y")


@bad("is no plain path")
def dotted(made: RawWheel) -> None:
    add(made, "sample/./x.py")


@bad("sample/extra.py is not in RECORD")
def unlisted(made: RawWheel) -> None:
    made.extra.append(("sample/extra.py", b"evil"))


@bad("RECORD lists sample/gone.py, which is not in the wheel")
def missing(made: RawWheel) -> None:
    made.record["sample/gone.py"] = f"sample/gone.py,{record_hash(b'')},0"


@bad("RECORD lists sample/__init__.py twice")
def listed_twice(made: RawWheel) -> None:
    made.record["again"] = f"sample/__init__.py,{record_hash(b'')},0"


@bad("sample/__init__.py is not what RECORD promises")
def other_content(made: RawWheel) -> None:
    path = "sample/__init__.py"
    made.record[path] = f"{path},{record_hash(b'other')},5"


@bad("RECORD has no sha256 of sample/__init__.py but md5")
def weak_hash(made: RawWheel) -> None:
    path = "sample/__init__.py"
    made.record[path] = f"{path},{record_hash(made.members[path], 'md5')},1"


@bad("RECORD has no sha256 of sample/__init__.py but nothing")
def no_hash(made: RawWheel) -> None:
    made.record["sample/__init__.py"] = "sample/__init__.py,,"


@bad("RECORD has a line of 2 fields")
def torn_record(made: RawWheel) -> None:
    made.record["torn"] = "sample/x,sha256=abc"


@bad("its METADATA says other 1.0")
def other_name(made: RawWheel) -> None:
    made.metadata = "Metadata-Version: 2.1\nName: other\nVersion: 1.0\n"


@bad("its METADATA says sample 2.0")
def other_version(made: RawWheel) -> None:
    made.metadata = "Metadata-Version: 2.1\nName: sample\nVersion: 2.0\n"


@bad("its .dist-info folder says sample 1.0")
def other_file_name(made: RawWheel) -> None:
    made.file_name = "sample-1.1-py3-none-any.whl"


@bad("its file name is not a wheel's")
def no_wheel_name(made: RawWheel) -> None:
    made.file_name = "sample.whl"


@bad("it has 2 .dist-info folders")
def two_infos(made: RawWheel) -> None:
    add(made, "other-1.0.dist-info/METADATA")


@bad("is in the .data folder of another distribution")
def foreign_data(made: RawWheel) -> None:
    add(made, "other-1.0.data/data/x")


@bad("is of no kind that a wheel may have")
def unknown_scheme(made: RawWheel) -> None:
    add(made, f"{made.data}/stdlib/os.py")


@bad("is a script in a folder")
def nested_script(made: RawWheel) -> None:
    add(made, f"{made.data}/scripts/x/y")


@bad("is compressed by the unknown method 12")
def compressed_otherwise(made: RawWheel) -> None:
    made.compression = zipfile.ZIP_BZIP2


@bad("is a folder that poses as a file")
def posing_folder(made: RawWheel) -> None:
    add(made, "sample/folder", b"")
    made.modes["sample/folder"] = stat.S_IFDIR | 0o755


@bad("its format is version 2.0; only 1 is known")
def newer_format(made: RawWheel) -> None:
    made.wheel_version = "Wheel-Version: 2.0"


@bad("its WHEEL file names no Wheel-Version")
def no_format(made: RawWheel) -> None:
    made.wheel_version = "Generator: me"


@bad("sample-1.0.dist-info/METADATA is missing")
def no_metadata(made: RawWheel) -> None:
    made.without = (f"{made.info}/METADATA",)


@bad("sample-1.0.dist-info/RECORD is missing")
def no_record(made: RawWheel) -> None:
    made.without = (f"{made.info}/RECORD",)


@bad("RECORD is not UTF-8")
def binary_record(made: RawWheel) -> None:
    made.record["odd"] = "\udcff,,"


@bad("belong to the same place")
def same_place(made: RawWheel) -> None:
    add(made, f"{made.data}/purelib/sample/__init__.py")


@bad("belongs where others need a folder")
def place_and_folder(made: RawWheel) -> None:
    add(made, f"{made.data}/platlib/sample")


@bad("a zip bomb")
def bomb(made: RawWheel) -> None:
    for number in range(15):
        add(made, f"sample/zeros{number}", bytes(10 << 20))


@pytest.fixture
def made() -> RawWheel:
    return RawWheel(members={"sample/__init__.py": b"x = 1\n"})


def read(path: Path, sha256: str = "") -> dict[str, bytes]:
    with wheel.opened(path, sha256 or sha256_of(path)) as opened:
        return {f"{p.section}/{p.path}": data for p, data, _ in opened.contents()}


@pytest.mark.parametrize("name", BAD)
def test_bad_wheels(name: str, made: RawWheel, tmp_path: Path):
    """Every bad wheel is refused, and its own fault is named."""
    builder, message = BAD[name]
    builder(made)
    with warnings.catch_warnings(action="ignore"):
        path = made.write(tmp_path)
    with pytest.raises(DamagedError, match="not a sound wheel") as caught:
        read(path)
    assert message in str(caught.value)


def test_good_wheel(made: RawWheel, tmp_path: Path):
    """Members go where the wheel format says, whatever their kind."""
    add(made, f"{made.data}/scripts/tool", b"#!python\n")
    add(made, f"{made.data}/data/share/doc.txt")
    add(made, f"{made.data}/headers/sample.h")
    add(made, f"{made.data}/platlib/sample/fast.so")
    found = read(made.write(tmp_path))
    assert found.keys() >= {
        "lib/sample/__init__.py",
        "lib/sample/fast.so",
        "scripts/tool",
        "data/share/doc.txt",
        "headers/sample.h",
    }


def test_strong_hashes(made: RawWheel, tmp_path: Path):
    """A RECORD may use sha512, which is then what is compared."""
    path = "sample/__init__.py"
    made.record[path] = f"{path},{record_hash(made.members[path], 'sha512')},6"
    assert "lib/sample/__init__.py" in read(made.write(tmp_path))
    made.record[path] = f"{path},{record_hash(b'no', 'sha512')},6"
    with pytest.raises(DamagedError, match="not what RECORD promises"):
        read(made.write(tmp_path))


def test_signatures_are_exempt(made: RawWheel, tmp_path: Path):
    """RECORD.jws and RECORD.p7s need no line in RECORD."""
    made.extra.append((f"{made.info}/RECORD.jws", b"{}"))
    assert f"lib/{made.info}/RECORD.jws" in read(made.write(tmp_path))


def test_all_problems_at_once(made: RawWheel, tmp_path: Path):
    """One error names every problem of a wheel."""
    unlisted(made)
    missing(made)
    other_version(made)
    with pytest.raises(DamagedError) as caught:
        read(made.write(tmp_path))
    for message in ("extra.py is not in", "lists sample/gone.py", "says sample 2.0"):
        assert message in str(caught.value)


def test_other_bytes(made: RawWheel, tmp_path: Path):
    """A file with another sha256 than the index names is not even looked into."""
    path = made.write(tmp_path)
    with pytest.raises(DamagedError, match="other bytes than its index names"):
        read(path, "0" * 64)


@pytest.mark.parametrize("content", [b"", b"no zip file at all"])
def test_no_zip(content: bytes, tmp_path: Path):
    """What is no zip file is refused as such."""
    path = tmp_path / "sample-1.0-py3-none-any.whl"
    path.write_bytes(content)
    with pytest.raises(DamagedError, match=r"no zip file|other bytes"):
        read(path)


@pytest.mark.parametrize("field", ["name", "size"])
def test_header_disagrees(field: str, made: RawWheel, tmp_path: Path):
    """A member whose own header tells another story is refused."""
    path = made.write(tmp_path)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as opened:
        first = opened.getinfo("sample/__init__.py")
        directory = opened.start_dir
    if field == "name":
        data[first.header_offset + 30] ^= 1
    else:
        place = data.index(b"sample/__init__.py", directory) - 46 + 24
        struct.pack_into("<L", data, place, 3)
    path.write_bytes(data)
    with pytest.raises(DamagedError, match=r"cannot be read|no zip file"):
        read(path)


def test_encrypted(made: RawWheel, tmp_path: Path):
    """A member that is marked as encrypted is refused."""
    path = made.write(tmp_path)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as opened:
        directory = opened.start_dir
    data[directory + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(DamagedError, match="is encrypted"):
        read(path)


def test_cut_off(made: RawWheel, tmp_path: Path):
    """A wheel that was cut off is refused wherever the cut is."""
    path = made.write(tmp_path)
    data = path.read_bytes()
    for size in range(0, len(data), 97):
        path.write_bytes(data[:size])
        with pytest.raises(DamagedError):
            read(path)


def test_wrong_project(made: RawWheel, tmp_path: Path):
    """A wheel that its index names for another project is refused."""
    path = made.write(tmp_path)
    with (
        pytest.raises(DamagedError, match="its index names it for other"),
        wheel.opened(path, sha256_of(path), "other", "1.0"),
    ):
        pass
