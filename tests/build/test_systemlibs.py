from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.sources import flit, tiny, write_sdist

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import (
    DamagedError,
    PrerequisiteError,
    ProcessError,
    RefusedError,
    UsageError,
)
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.building import builtwheels, prerequisites, systemlibs
from karl.recipe.release.building.linkedprojects import KNOWN, linked_projects
from karl.recipe.release.distributions.lockfile import Index
from karl.recipe.release.distributions.pool import Pool

TINY = linked_projects("tiny = libxml-2.0; libxml2-dev")


@pytest.fixture
def tiny_index(indexed: Callable[..., Index], tmp_path: Path) -> Index:
    """An index with an extension module to be linked with libxml2."""
    sdist = write_sdist(tmp_path / "tiny-1.0.tar.gz", tiny())
    return indexed(sdist, linked=["tiny"])


def ensure(software: SoftwareLayout, index: Index, name: str = "tiny", reporter=None):
    package = index.lock.package(name)
    assert package is not None
    return systemlibs.ensure_wheel(software, index, package, reporter, TINY)


# What is needed, and what is missing


@pytest.fixture
def bare(only_programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Make a machine with only those programs, on which pkg-config knows nothing."""

    def strip(*programs: str) -> None:
        only_programs(*programs)
        monkeypatch.setenv("PKG_CONFIG_LIBDIR", str(tmp_path / "no-such-folder"))

    return strip


def compiler_programs() -> tuple[str, ...]:
    return (prerequisites.compiler()[0],)


def test_everything_is_here():
    """With headers and tools installed nothing is missing."""
    prerequisites.check([KNOWN["lxml"]])


def test_missing_headers_are_named(bare):
    """Missing headers are named by Debian package, all of them at once."""
    bare(*compiler_programs(), "readelf", "pkg-config")
    with pytest.raises(PrerequisiteError) as caught:
        prerequisites.check([KNOWN["lxml"], KNOWN["xmlsec"]])
    assert caught.value.tip == (
        "On Debian and Ubuntu: apt-get install libxml2-dev libxmlsec1-dev libxslt1-dev"
    )
    assert "libxml/xmlversion.h" in caught.value.message


def test_missing_tools_are_named(bare, monkeypatch: pytest.MonkeyPatch, tmp_path):
    """A missing compiler, linker, pkg-config and Python header are named too."""
    bare()
    monkeypatch.setattr(
        "karl.recipe.release.building.prerequisites.sysconfig.get_path",
        lambda _: str(tmp_path / "no-headers"),
    )
    with pytest.raises(PrerequisiteError) as caught:
        prerequisites.check([KNOWN["xmlsec"]])
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for package in (
        "gcc", "binutils", "pkg-config", f"python{version}-dev", "libxml2-dev",
    ):  # fmt: skip
        assert f" {package}" in caught.value.tip


def test_config_program_serves_without_pkg_config(bare):
    """Where there is no pkg-config, the libraries' own programs are asked."""
    bare(*compiler_programs(), "readelf", "xml2-config", "xslt-config", "sed", "sh")
    prerequisites.check([KNOWN["lxml"]])


def test_versions_without_a_compiler_are_the_same(only_programs):
    """Read from the header's text, a version is what the compiler says."""
    expected = prerequisites.versions(KNOWN["lxml"])
    only_programs("pkg-config")
    assert prerequisites.versions(KNOWN["lxml"]) == expected


def test_nothing_is_built_without_headers(
    bare, software: SoftwareLayout, tiny_index: Index, notes
):
    """Missing headers are told before any work starts."""
    bare(*compiler_programs(), "readelf", "pkg-config")
    with pytest.raises(PrerequisiteError, match="libxml2-dev"):
        ensure(software, tiny_index, reporter=notes)
    assert notes.said == []
    assert not software.built.exists()


def test_unknown_project_is_refused():
    """An unknown project is an error that lists the known ones."""
    with pytest.raises(UsageError, match="known are lxml, xmlsec"):
        linked_projects("pillow")


def test_option():
    """The option lists known projects and declares further ones."""
    found = linked_projects(
        "lxml xmlsec\nMy.Thing = foo bar-2.0; libfoo-dev libbar-dev\n"
    )
    assert list(found) == ["lxml", "xmlsec", "my-thing"]
    declared = found["my-thing"].libraries
    assert [(one.module, one.package) for one in declared] == [
        ("foo", "libfoo-dev"),
        ("bar-2.0", "libbar-dev"),
    ]


@pytest.mark.parametrize(
    "text", ["x = y", "x = ; z", "= y; z", "x = $(y); z", "x = y; z; rm", "x; y"]
)
def test_bad_declaration(text: str):
    """A declaration that is not of the form is refused."""
    with pytest.raises(UsageError, match="Write: name"):
        linked_projects(text)


def test_missing_declared_library_is_named():
    """The Debian package of a declared library that is missing is named."""
    text = "x = libxml-2.0 no-such-library; libxml2-dev libnosuch-dev"
    with pytest.raises(PrerequisiteError, match="install libnosuch-dev"):
        prerequisites.check(linked_projects(text).values())


# Built once


def test_built_under_its_key(software: SoftwareLayout, tiny_index: Index, notes):
    """A wheel is built, kept under a key, and its provenance tells of it."""
    built = ensure(software, tiny_index, reporter=notes)
    assert notes.said == ["Building the wheel of tiny-1.0.tar.gz"]
    assert built.path.parent == software.built_wheel(built.key)
    assert re.fullmatch(r"tiny-1\.0-cp3\d+-linux_\w+-[0-9a-f]{24}", built.key)
    assert built.sha256 == files.sha256_of(built.path)
    record = built.provenance
    sdist = tiny_index.lock.package("tiny").sdist
    assert record["sdist"] == {"name": sdist.name, "sha256": sdist.sha256}
    system = prerequisites.versions(TINY["tiny"])
    assert system.items() <= record["identity"]["libraries"].items()
    libraries = record["linkage"]["libraries"]
    assert re.match(r"libxml2\.so\.\d+", libraries["libxml-2.0"]["sonames"][0])
    assert record["requirements"] == ["setuptools==84.2.1"]
    assert "parallel" in record["flags"]["config"]
    assert builtwheels.provenance_of(built.path.parent) == (sdist.sha256, built.sha256)


def test_found_again(
    software: SoftwareLayout, tiny_index: Index, indexed, tmp_path: Path, notes
):
    """Another index with the same sdist finds the wheel, without a build."""
    first = ensure(software, tiny_index)
    other = indexed(tmp_path / "tiny-1.0.tar.gz", name="other/7")
    assert ensure(software, other, reporter=notes) == first
    assert notes.said == []


def test_wheel_is_normalised(software: SoftwareLayout, tiny_index: Index):
    """Building again gives the same bytes."""
    first = ensure(software, tiny_index)
    files.remove_tree(first.path.parent)
    assert ensure(software, tiny_index).sha256 == first.sha256
    with zipfile.ZipFile(first.path) as archive:
        assert {one.compress_type for one in archive.infolist()} == {0}


def test_other_library_version_is_another_key(
    software: SoftwareLayout, tiny_index: Index, monkeypatch: pytest.MonkeyPatch
):
    """With another version of the library the wheel is built anew, beside."""
    first = ensure(software, tiny_index)
    monkeypatch.setattr(prerequisites, "versions", lambda _: {"libxml-2.0": "9.9.9"})
    second = ensure(software, tiny_index)
    assert second.key != first.key
    assert first.path.is_file()


def test_damage_is_found(software: SoftwareLayout, tiny_index: Index):
    """A wheel that is not what its provenance says is refused, not used."""
    built = ensure(software, tiny_index)
    record = built.path.parent / "provenance.json"
    other = json.loads(record.read_text())
    other["sdist"]["sha256"] = "0" * 64
    damages = [
        (built.path, built.path.read_bytes() + b"\n"),
        (built.path, None),
        (record, json.dumps(other).encode()),
        (record, b"["),
        (record, None),
    ]
    for target, content in damages:
        sound = target.read_bytes()
        target.unlink()
        if content is not None:
            target.write_bytes(content)
        with pytest.raises(DamagedError, match="does not hold the wheel") as caught:
            ensure(software, tiny_index)
        assert "remove the folder" in caught.value.tip
        target.unlink(missing_ok=True)
        target.write_bytes(sound)
    assert ensure(software, tiny_index) == built


def test_pure_wheel_fits_any_platform(
    software: SoftwareLayout, indexed, tmp_path: Path, notes
):
    """A pure package without a wheel is built once as well, for any platform."""
    index = indexed(write_sdist(tmp_path / "acme.thing-1.0.tar.gz", flit()))
    built = ensure(software, index, "acme-thing", notes)
    assert "-any-" in built.key
    assert ensure(software, index, "acme-thing", notes) == built
    assert len(notes.said) == 1


def test_static_link_is_refused(software: SoftwareLayout, indexed, tmp_path: Path):
    """What comes out linked with nothing of the system is not kept."""
    sources = tiny()
    sources["setup.py"] = sources["setup.py"].replace(
        'flags("--libs")', '["-Wl,--unresolved-symbols=ignore-all"]'
    )
    index = indexed(write_sdist(tmp_path / "tiny-1.0.tar.gz", sources))
    with pytest.raises(DamagedError, match=r"nothing in it is linked with libxml-2.0"):
        ensure(software, index)
    assert sorted(os.listdir(software.built)) == [".locks", ".logs"]


def test_altered_sdist_is_refused(software: SoftwareLayout, tiny_index: Index):
    """An sdist in the pool with other bytes than the index says is not built."""
    sdist = Pool(software).path(tiny_index.lock.package("tiny").sdist)
    sdist.chmod(0o644)
    sdist.write_bytes(sdist.read_bytes() + b"\n")
    with pytest.raises(DamagedError, match=r"tiny-1\.0\.tar\.gz"):
        ensure(software, tiny_index)


def test_no_sdist(software: SoftwareLayout, tiny_index: Index):
    """A package of which the index has no sdist cannot be built."""
    with pytest.raises(RefusedError, match="no sdist of setuptools"):
        ensure(software, tiny_index, "setuptools")


def test_failed_build_leaves_its_log_alone(
    software: SoftwareLayout, indexed, tmp_path: Path
):
    """A build that fails leaves a log, which is named, and nothing else."""
    sources = {**tiny(), "tiny.c": "#error broken on purpose\n"}
    index = indexed(write_sdist(tmp_path / "tiny-1.0.tar.gz", sources))
    with pytest.raises(ProcessError, match=r"the whole log is .*\.log") as caught:
        ensure(software, index)
    assert "broken on purpose" in caught.value.output
    (log,) = (software.built / ".logs").iterdir()
    assert str(log) in caught.value.message
    assert "broken on purpose" in log.read_text()
    assert not list(software.built.glob(".partial-*"))


# Two at once, and killed

_ENSURE = """
import sys
from pathlib import Path
from karl.recipe.release.building import systemlibs
from karl.recipe.release.building.linkedprojects import linked_projects
from karl.recipe.release.base.console import Console
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.distributions.lockfile import Index
from karl.recipe.release.base.names import IndexName
software = SoftwareLayout.below(Path(sys.argv[1]))
index = Index.load(software, IndexName.parse("built/1"))
declared = linked_projects("tiny = libxml-2.0; libxml2-dev")
built = systemlibs.ensure_wheel(
    software, index, index.lock.package("tiny"), Console(), declared)
print(built.sha256)
"""


def start(base: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _ENSURE, str(base)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def slow_index(indexed, tmp_path: Path) -> Index:
    """An index with a package whose build takes a while."""
    sdist = write_sdist(tmp_path / "tiny-1.0.tar.gz", tiny(pause=2.0))
    return indexed(sdist, linked=["tiny"])


def test_two_at_once_build_once(
    slow_index: Index, tmp_path: Path, software: SoftwareLayout
):
    """Of two that want a wheel at the same time one builds, the other waits."""
    both = [start(tmp_path), start(tmp_path)]
    ends = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    assert ends[0][0] == ends[1][0] != ""
    told = sorted(error.splitlines()[0] for _, error in ends)
    assert told[0] == "Building the wheel of tiny-1.0.tar.gz ..."
    assert told[1].startswith("Waiting. Cannot build tiny 1.0: process ")
    assert sum(error.count("Building") for _, error in ends) == 2  # begun, and done
    assert len(list(software.built.glob("tiny-*"))) == 1


def children_of(folder: Path) -> list[int]:
    """Return the processes that work below *folder*."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").resolve().is_relative_to(folder):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_killed_build_is_cleaned_up(
    slow_index: Index, tmp_path: Path, software: SoftwareLayout
):
    """After kill -9 no child goes on, and the next run builds from a clean place."""
    process = start(tmp_path)
    deadline = time.monotonic() + 60
    while not children_of(software.built):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert list(software.built.glob(".partial-*"))
    assert not list(software.built.glob("tiny-*"))
    deadline = time.monotonic() + 10
    while children_of(software.built):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    stranger = software.built / ".partial-other-1.0-key-12345678"
    stranger.mkdir()
    ensure(software, slow_index)
    assert not list(software.built.glob(".partial-*"))
    assert len(list(software.built.glob("tiny-*"))) == 1


@pytest.mark.parametrize("action", ["rename", "write"])
def test_failing_disk_keeps_nothing(
    software: SoftwareLayout, tiny_index: Index, monkeypatch, action: str
):
    """When writing the result fails, nothing is under the key, and a retry works."""

    def fail(done: str, path: Path) -> None:
        if (done == action and ".partial-" in str(path)) or (
            done == action == "rename" and path.parent == software.built
        ):
            raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(files, "seam", fail)
        with pytest.raises(OSError, match="No space left"):
            ensure(software, tiny_index)
    assert not list(software.built.glob("tiny-*"))
    assert not list(software.built.glob(".partial-*"))
    assert ensure(software, tiny_index)
    assert os.listdir(software.built / ".logs") == []
