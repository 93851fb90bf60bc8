"""Releases of what has no wheel for this machine, or must not bring libraries."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.rawwheels import RawWheel
from support.sources import tiny, write_sdist
from support.wheels import make_sdist
from support.workshop import Notes, Workshop, run

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import (
    DamagedError,
    PrerequisiteError,
    RefusedError,
    UsageError,
)
from karl.recipe.release.base.layout import SiteLayout, SoftwareLayout
from karl.recipe.release.distributions.lockfile import Index
from karl.recipe.release.trees import verification


@pytest.fixture
def workshop(software: SoftwareLayout, tmp_path: Path) -> Workshop:
    return Workshop(software, SiteLayout(tmp_path / "site"), Notes())


def test_built_from_sdist(
    workshop: Workshop, indexed: Callable[..., Index], tmp_path: Path
):
    """A package without a wheel for this Python is built once, from its sdist."""
    sdist = make_sdist(tmp_path / "made", "pure", "1.0")
    indexed(sdist, name="acme/1.0")
    layout = workshop.build(eggs="pure").release
    (found,) = json.loads(layout.manifest.read_text())["distributions"]
    assert found["built_from"] == files.sha256_of(sdist)
    wheel = workshop.software.built_wheel(found["key"]) / found["file"]
    assert files.sha256_of(wheel) == found["sha256"]
    before = wheel.stat().st_mtime_ns
    assert workshop.build("2.0", eggs="pure").built
    assert wheel.stat().st_mtime_ns == before
    assert run([layout.bin / "python", "-c", "import pure; print(pure.VERSION)"])


def test_neither_wheel_nor_sdist(workshop: Workshop):
    """A package that this machine cannot use is refused, with what to do."""
    workshop.index("acme/1.0", RawWheel("odd", tag="cp27-none-win32"), metadata=False)
    with pytest.raises(
        RefusedError, match=r"has no wheel for cp3.*, and no sdist of odd"
    ):
        workshop.build(eggs="odd")


def test_system_linked_without_sdist(workshop: Workshop):
    """A system-linked project of which the index has wheels only is refused."""
    workshop.index("acme/1.0", RawWheel("lxml"))
    with pytest.raises(RefusedError, match=r"has no sdist of lxml 1\.0"):
        workshop.build(eggs="lxml", system_linked="lxml")
    assert workshop.build(eggs="lxml", system_linked="").built


def test_not_in_the_index(workshop: Workshop):
    """lxml, system-linked by default, need not be in the index; what is named must."""
    workshop.index("acme/1.0", RawWheel("other"))
    assert workshop.build(eggs="other").built
    for named in ("lxml", "lxml xmlsec", "foo = libxml-2.0; libxml2-dev"):
        with pytest.raises(RefusedError, match=r"does not hold .*system-linked lists"):
            workshop.build("2.0", eggs="other", system_linked=named)


def test_misspelt(workshop: Workshop):
    """A name that is not known as system-linked is refused, with how to declare it."""
    workshop.index("acme/1.0", RawWheel("lxml"))
    with pytest.raises(UsageError, match=r"lxlm is not known.*Declare it: lxlm = "):
        workshop.build(eggs="lxml", system_linked="lxlm")


def test_what_the_index_links_is_not_forgotten(workshop: Workshop):
    """What the index holds to be linked is left out only by who says so."""
    workshop.index("acme/1.0", RawWheel("xmlsec"), system_linked=("xmlsec",))
    with pytest.raises(RefusedError, match="Say system-linked = lxml xmlsec"):
        workshop.build(eggs="xmlsec")
    assert workshop.build(eggs="xmlsec", system_linked="").built


@pytest.fixture
def tiny_wish(
    workshop: Workshop, indexed: Callable[..., Index], tmp_path: Path
) -> dict:
    """A wish for a release of a project that is linked as the wish declares."""
    sdist = write_sdist(tmp_path / "tiny-1.0.tar.gz", tiny())
    indexed(sdist, name="acme/1.0", linked=["tiny"])
    return {"eggs": "tiny", "system_linked": "tiny = libxml-2.0; libxml2-dev"}


def test_declared(workshop: Workshop, tiny_wish: dict):
    """A project that the option declares is built, linked as declared, and proven."""
    layout = workshop.build(**tiny_wish).release
    found = json.loads(layout.manifest.read_text())
    assert found["request"]["system-linked"] == ["tiny = libxml-2.0; libxml2-dev"]
    libraries = found["system_libraries"]["tiny"]["libraries"]
    assert libraries["libxml-2.0"]["sonames"] == ["libxml2.so.2"]


def test_no_compiler_for_what_is_built(
    workshop: Workshop, tiny_wish: dict, only_programs: Callable[..., Path]
):
    """A machine without a compiler takes the wheel that was built before, proven."""
    workshop.build(**tiny_wish)
    folder = only_programs("pkg-config", "readelf")
    layouts = [workshop.layout(), workshop.build("2.0", **tiny_wish).release]
    proofs = [json.loads(one.manifest.read_text()) for one in layouts]
    assert proofs[0]["system_libraries"] == proofs[1]["system_libraries"]
    files.remove_tree(workshop.software.built)
    with pytest.raises(PrerequisiteError, match="tiny is built with: a C compiler"):
        workshop.build("3.0", **tiny_wish)
    (folder / "readelf").unlink()
    with pytest.raises(PrerequisiteError, match="readelf"):
        workshop.build("3.0", **tiny_wish)


def test_no_readelf_for_what_is_built(
    workshop: Workshop, tiny_wish: dict, only_programs: Callable[..., Path]
):
    """Even if nothing is to be compiled, the proof needs readelf, said at once."""
    workshop.build(**tiny_wish)
    only_programs("pkg-config")
    said = len(workshop.notes.said)
    with pytest.raises(PrerequisiteError, match="readelf, which proves how tiny"):
        workshop.build("2.0", **tiny_wish)
    assert len(workshop.notes.said) == said + 1  # that the release is not there yet


def test_copy_of_another(workshop: Workshop):
    """A copy of a library that must be the system's is refused, whoever brings it."""
    copy = "other.libs/libxml2-0a1b2c3d.so.2.13.5"
    workshop.index("acme/1.0", RawWheel("other", members={copy: b""}))
    with pytest.raises(DamagedError, match=f"own copies .*{copy}"):
        workshop.build(eggs="other")
    assert not workshop.layout().root.exists()
    assert workshop.build(eggs="other", system_linked="").built


@pytest.mark.slow
def test_lxml(lxml_software: SoftwareLayout, lxml_index: Index, tmp_path: Path):
    """A release proves that its lxml uses the system's libraries, and records it."""
    workshop = Workshop(lxml_software, SiteLayout(tmp_path / "site"), Notes())
    name = str(lxml_index.lock.name)
    layout = workshop.build("1.0", name, eggs="lxml", system_linked="lxml").release
    found = json.loads(layout.manifest.read_text())
    proof = found["system_libraries"]["lxml"]
    assert "libxml2.so.2" in json.dumps(proof)
    assert str(layout.root.parent) not in json.dumps(proof)
    assert verification.verify(layout, full=True) == []
    (lxml,) = found["distributions"]
    assert lxml["key"]
    code = (
        "import lxml.etree as e; print(e.LIBXML_VERSION == e.LIBXML_COMPILED_VERSION)"
    )
    assert run([layout.bin / "python", "-c", code]) == "True\n"
    again = workshop.build("2.0", name, eggs="lxml", system_linked="lxml").release
    second = json.loads(again.manifest.read_text())
    assert second["system_libraries"] == found["system_libraries"]
    assert second["distributions"] == found["distributions"]
