"""What is refused before anything is changed; what the next index is asked to be."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from support.rollouts import SCRIPTS
from support.sources import write_tree
from support.wheelindexes import make_index
from support.wheels import make_wheel

from karl.recipe.evolve.rollout import metadata, versions


def index_of(world, name):
    """Return what karl-index shows of an index."""
    argv = [SCRIPTS / "karl-index", "show", name, "--base", world.base, "--json"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def shared(worlds):
    """A world in which nothing is changed."""
    return worlds()


@pytest.mark.parametrize(
    ("version", "changes", "code", "told"),
    [
        ("3.0", {}, 3, "no tag 3.0"),
        ("2.0", {}, 3, "of version 1.9, not 2.0"),
        ("1.1", {"tag": "v{version}"}, 3, "no tag v1.1"),
        ("1.1", {"folder": "thin"}, 3, "no folder thin"),
        ("1.1", {"folder": ""}, 3, "neither pyproject.toml nor setup.py"),
        ("1.1", {"source": "nowhere"}, 8, "git cannot read"),
        ("1.1", {"index": "other"}, 3, "no index of other before 1.1"),
        ("1.1", {"extends": "karl/9"}, 3, "no index karl/9"),
        ("1.0", {"extends": "karl/9"}, 3, "extends karl/1.0, not karl/9"),
        ("1.1", {"buildout": "x.cfg"}, 3, "x.cfg"),
        ("1.1", {"base": "nowhere"}, 7, "karl-index"),
    ],
)
def test_refused(shared, version, changes, code, told):
    """What cannot be is told by the check; pool and indexes stay as they were."""
    before = sorted(shared.base.rglob("*.whl")), shared.pool()
    shared.declare(**changes)
    assert told in shared.error(version, "--dry-run", code=code)
    assert (sorted(shared.base.rglob("*.whl")), shared.pool()) == before
    assert shared.calls == []


@pytest.mark.slow
def test_frozen_with_other_content(world):
    """Bytes that an index names otherwise do not get into the pool."""
    made = make_wheel(world.folder / "made", "acme.thing", "1.1")
    make_index(world.software, "acme/1.1", [made])
    pooled = world.software.pool / made.name
    pooled.unlink()
    assert "other bytes than an index names" in world.error("1.1", code=3)
    assert world.pool() == {"acme_thing-1.0-py3-none-any.whl"}
    shutil.rmtree(world.base / "indexes" / "acme" / "1.1")
    make_index(world.software, "acme/1.1", [])
    told = world.error("1.1", "--until", "freeze", code=3)
    assert "is frozen already, and holds no acme-thing" in told


@pytest.mark.slow
def test_next_index(world):
    """The next index is asked for what the one before was, but for the package."""
    other = make_wheel(world.registry.folder, "other", "1.0")
    make_wheel(world.registry.folder, "other", "2.0")
    make_wheel(world.registry.folder, "library", "1.1")
    argv = [
        SCRIPTS / "karl-index", "freeze", "acme/1.0.5", "--base", world.base,
        "--extends", "karl/1.0", "--require", "acme.thing==1.0", "--require", "other",
        "--override", "library==1.1", "--private", "own.*",
        "--constraints", world.folder / "bounds", "--registry", world.registry.url,
    ]  # fmt: skip
    (world.folder / "bounds").write_text("other<2\n")
    subprocess.run(argv, check=True, capture_output=True)
    make_wheel(world.registry.folder, "other", "1.5")
    found = world.run("1.1", "--until", "freeze")
    assert found["previous"] == "acme/1.0.5"
    before, after = index_of(world, "acme/1.0.5"), index_of(world, "acme/1.1")
    assert after["requirements"] == ["acme-thing==1.1", "other"]
    same = ("constraints", "private", "extends", "targets", "overrides")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    versions = {each["name"]: each["version"] for each in after["contents"]}
    assert versions == {"acme-thing": "1.1", "library": "1.1", "other": "1.5"}
    assert other.exists()


@pytest.mark.slow
def test_extending_itself(world):
    """Where the extended index holds the package, its pin is overridden."""
    world.declare(extends="acme/1.0")
    world.run("1.1", "--until", "freeze")
    found = index_of(world, "acme/1.1")
    assert [each["requirement"] for each in found["overrides"]] == ["acme-thing==1.1"]
    assert found["requirements"] == []


PROJECT = "[project]\nname = 'acme.thing'\n"
DYNAMIC = {"pyproject.toml": f"{PROJECT}dynamic = ['version']\n"}


@pytest.mark.parametrize(
    ("files", "name", "version"),
    [
        ({"pyproject.toml": f"{PROJECT}version = '1.2'\n"}, "acme.thing", "1.2"),
        (DYNAMIC, "acme.thing", ""),
        ({**DYNAMIC, "acme/thing.py": "__version__ = '1.2'\n"}, "acme.thing", "1.2"),
        (
            {**DYNAMIC, "src/acme/thing/__init__.py": "__version__ = '1' + 'x'\n"},
            "acme.thing", "",
        ),
        ({**DYNAMIC, "acme/thing/__init__.py": "no python"}, "acme.thing", ""),
        ({"setup.py": ""}, "", ""),
        (
            {"setup.py": "", "setup.cfg": "[metadata]\nname = x\nversion = 1.2\n"},
            "x", "1.2",
        ),
        (
            {"setup.py": "", "setup.cfg": "[metadata]\nversion = attr: x.y\n"},
            "", "",
        ),
    ],
)  # fmt: skip
def test_what_metadata_say(tmp_path, files, name, version):
    """Name and version are read where they are written, else the build must tell."""
    found = metadata.read(write_tree(tmp_path, files))
    assert (found.name, found.version) == (name, version)


def test_order_of_versions():
    """Numbers are compared as numbers, and what comes before a release is older."""
    text = "1.0.dev1 1.0a1 1.0b2 1.0rc1 1.0 1.0.post1 1.0.1 1.2 1.10 1.10.1 2.0"
    ordered = text.split()
    assert sorted(set(ordered), key=versions.order) == ordered
    assert versions.before(ordered, "1.10") == "1.2"
    assert versions.before(["1", "2"], "1.0") == ""
