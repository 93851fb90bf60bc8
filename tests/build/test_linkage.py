from __future__ import annotations

import re
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest
from support.indexes import make_index
from support.sources import tiny, write_sdist

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.building import linkage, prerequisites, systemlibs
from karl.recipe.release.building.builtwheels import BuiltWheel
from karl.recipe.release.building.linkedprojects import KNOWN, linked_projects
from karl.recipe.release.distributions.lockfile import Index

XMLSEC_SHA256 = "f3fac9ae679f66585925cc00c5f6839ae36c1d03157619571dee18acc05b9c01"


class Tree:
    """An environment with wheels in it, as a release has them."""

    def __init__(self, root: Path, *wheels: Path) -> None:
        self.root = root
        venv.EnvBuilder(with_pip=False, symlinks=True).create(root)
        self.python = root / "bin" / "python"
        (self.packages,) = root.glob("lib/python3*/site-packages")
        argv = [
            sys.executable, "-m", "pip", "--python", str(self.python), "install",
            "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check",
            *map(str, wheels),
        ]  # fmt: skip
        subprocess.run(argv, check=True)

    def prove(self, project: str = "lxml") -> dict:
        return linkage.prove(self.packages, self.python, KNOWN[project])

    def run(self, code: str) -> str:
        argv = [str(self.python), "-I", "-c", code]
        return subprocess.check_output(argv, text=True)


@pytest.fixture(scope="session")
def lxml_wheel(lxml_software: SoftwareLayout, lxml_index: Index) -> BuiltWheel:
    """lxml, really built against the system's libraries."""
    package = lxml_index.lock.package("lxml")
    return systemlibs.ensure_wheel(lxml_software, lxml_index, package)


@pytest.fixture(scope="session")
def lxml_tree(lxml_wheel: BuiltWheel, tmp_path_factory) -> Tree:
    """A tree with the built lxml."""
    return Tree(tmp_path_factory.mktemp("tree") / "env", lxml_wheel.path)


def test_built_lxml_is_proven(lxml_tree: Tree):
    """A built lxml is proven to take libxml2 and libxslt from the system."""
    proof = lxml_tree.prove()
    assert set(proof["libraries"]) == {"libxml-2.0", "libxslt", "libexslt"}
    for module, stem in (("libxml-2.0", "libxml2"), ("libxslt", "libxslt")):
        found = proof["libraries"][module]
        assert re.fullmatch(rf"{stem}\.so\.\d+", found["sonames"][0])
        assert found["files"][0].startswith(found["sonames"][0])
        assert found["version"] == prerequisites.versions(KNOWN["lxml"])[module]
    (etree,) = [name for name in proof["modules"] if "/etree." in name]
    assert len(proof["modules"][etree]) == 3
    assert proof == lxml_tree.prove()


def test_built_lxml_works(lxml_tree: Tree):
    """A built lxml parses, transforms, and says which libxml2 it has."""
    code = (
        "from lxml import etree; sheet = etree.XSLT(etree.XML("
        '\'<x:stylesheet version="1.0" '
        'xmlns:x="http://www.w3.org/1999/XSL/Transform">'
        '<x:template match="/"><b/></x:template></x:stylesheet>\'));'
        "print(etree.tostring(sheet(etree.XML('<a/>'))).decode(),"
        " '.'.join(map(str, etree.LIBXML_VERSION)))"
    )
    version = prerequisites.versions(KNOWN["lxml"])["libxml-2.0"]
    assert lxml_tree.run(code).split() == ["<b/>", version]


def test_registry_wheel_is_recognised(downloads: Callable, tmp_path: Path):
    """lxml's wheel from the registry, with its own libxml2, is refused."""
    tree = Tree(tmp_path / "env", downloads("lxml==6.1.3"))
    with pytest.raises(DamagedError, match=r"libxml-2.0 inside: it defines xml"):
        tree.prove()


def test_library_beside_is_recognised(lxml_wheel: BuiltWheel, tmp_path: Path):
    """A library among the project's files, as auditwheel puts it, is refused."""
    tree = Tree(tmp_path / "env", lxml_wheel.path)
    beside = tree.packages / "lxml.libs" / "libxml2-0a1b2c3d.so.2.13.5"
    beside.parent.mkdir()
    beside.write_bytes(b"")
    (record,) = tree.packages.glob("lxml-*.dist-info/RECORD")
    with record.open("a") as stream:
        stream.write(f"{beside.relative_to(tree.packages)},,\n")
    with pytest.raises(DamagedError, match=r"brings its own .*libxml2-0a1b2c3d"):
        tree.prove()


def test_unrecorded_library_beside_is_recognised(
    lxml_wheel: BuiltWheel, tmp_path: Path
):
    """A library that no RECORD lists is refused as well."""
    tree = Tree(tmp_path / "env", lxml_wheel.path)
    (tree.packages / "other.libs").mkdir()
    (tree.packages / "other.libs" / "libxml2-0a1b2c3d.so.2").write_bytes(b"")
    with pytest.raises(DamagedError, match=r"own libxml-2\.0: other\.libs"):
        tree.prove()


def test_other_version_than_the_system_has(
    lxml_tree: Tree, monkeypatch: pytest.MonkeyPatch
):
    """A version that is not the system's is refused, and both are told."""
    versions = {"libxml-2.0": "9.9.9", "libxslt": "9.9.9", "libexslt": "9.9.9"}
    monkeypatch.setattr(prerequisites, "versions", lambda _: versions)
    with pytest.raises(DamagedError, match=r"LIBXML_VERSION is 2\.\S+, but .* 9\.9\.9"):
        lxml_tree.prove()


def test_project_that_is_not_there(lxml_tree: Tree):
    """A project that is not installed is not proven."""
    with pytest.raises(DamagedError, match=r"xmlsec .* not installed"):
        lxml_tree.prove("xmlsec")


def test_search_path_into_the_tree_is_refused(
    indexed: Callable, software: SoftwareLayout, tmp_path: Path
):
    """An extension module that looks for libraries beside itself is refused."""
    declared = linked_projects("tiny = libxml-2.0; libxml2-dev")
    sdist = write_sdist(
        tmp_path / "tiny-1.0.tar.gz", tiny(link=("-Wl,-rpath,$ORIGIN/../x.libs",))
    )
    index = indexed(sdist)
    with pytest.raises(DamagedError, match=r"looks for libraries in .ORIGIN"):
        systemlibs.ensure_wheel(
            software, index, index.lock.package("tiny"), None, declared
        )


def test_loader_is_believed(
    indexed: Callable, software: SoftwareLayout, tmp_path: Path
):
    """A library that the loader takes from the tree is refused, whatever ELF says."""
    declared = linked_projects("tiny = libxml-2.0; libxml2-dev")
    place = tmp_path / "env" / "hidden"
    sdist = write_sdist(
        tmp_path / "tiny-1.0.tar.gz", tiny(link=(f"-Wl,-rpath,{tmp_path}/outside",))
    )
    index = indexed(sdist)
    built = systemlibs.ensure_wheel(
        software, index, index.lock.package("tiny"), None, declared
    )
    tree = Tree(tmp_path / "env", built.path)
    assert linkage.prove(tree.packages, tree.python, declared["tiny"])
    soname = built.provenance["linkage"]["libraries"]["libxml-2.0"]["sonames"][0]
    maps = tree.run(
        "import tiny; print([line.split()[-1] for line in open('/proc/self/maps')"
        f" if '{soname}' in line][0])"
    )
    place = tree.packages / "sub"
    place.mkdir()
    (place / soname).write_bytes(Path(maps.strip()).read_bytes())
    (tmp_path / "outside").symlink_to(place)
    with pytest.raises(DamagedError, match=r"own libxml-2\.0|loader takes"):
        linkage.prove(tree.packages, tree.python, declared["tiny"])


@pytest.mark.slow
@pytest.mark.skipif(
    prerequisites.version_of(KNOWN["xmlsec"].libraries[1]) is None,
    reason="libxmlsec1-dev is not installed",
)
def test_xmlsec(
    lxml_software: SoftwareLayout,
    lxml_wheel: BuiltWheel,
    tools: list[Path],
    downloads: Callable,
    tmp_path: Path,
):
    """xmlsec is built with the system's libxmlsec1 and our lxml, and proven."""
    sdist = downloads("xmlsec==1.3.17", sdist=True)
    assert files.sha256_of(sdist) == XMLSEC_SHA256
    more = [
        downloads(name) for name in
        ("wheel==0.48.0", "setuptools_scm==9.2.2", "pkgconfig==1.6.0",
         "packaging==26.3", "Cython==3.2.9", "lxml==6.1.3")
    ]  # fmt: skip
    lxml = downloads("lxml==6.1.3", sdist=True)
    index = make_index(
        lxml_software, "linked/2", [*tools, *more, lxml, sdist], ["lxml", "xmlsec"]
    )
    package = index.lock.package("xmlsec")
    built = systemlibs.ensure_wheel(lxml_software, index, package)
    assert built.provenance["built_with"] == {lxml_wheel.path.name: lxml_wheel.sha256}
    tree = Tree(tmp_path / "env", lxml_wheel.path, built.path)
    proof = tree.prove("xmlsec")
    assert proof["libraries"]["xmlsec1"]["files"][0].startswith("libxmlsec1.so.")
