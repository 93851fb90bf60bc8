from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.sources import flit, write_tree

from karl.recipe.release.base import files
from karl.recipe.release.base.errors import DamagedError, RefusedError, UsageError
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.building import archives
from karl.recipe.release.building.publish import Expected, publish

_FLIT_CONTENT = {**flit(), ".gitignore": "ignored.py\n"}


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True)


def commit(folder: Path, message: str = "Change") -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with a project in the folder ``thing``."""
    root = tmp_path / "repository"
    write_tree(root / "thing", _FLIT_CONTENT)
    write_tree(root, {"other.txt": "other\n"})
    git(root.parent, "init", "--quiet", str(root))
    commit(root)
    return root


@pytest.fixture
def published(software: SoftwareLayout, index_url: str):
    """Publish a tree into the pool; return names and hashes."""

    def run(tree: Path, where: SoftwareLayout = software, **more) -> dict[str, str]:
        paths = publish(tree, where, build_index_url=index_url, **more)
        return {path.name: files.sha256_of(path) for path in paths}

    return run


def test_sdist_and_wheel(repository: Path, published, software: SoftwareLayout):
    """Publishing puts an sdist, and the wheel built from it, into the pool."""
    names = published(repository / "thing")
    assert list(names) == ["acme_thing-1.0.tar.gz", "acme_thing-1.0-py3-none-any.whl"]
    assert all((software.pool / name).is_file() for name in names)


_PUBLISH = """
import os, sys
from pathlib import Path
from karl.recipe.release.base.layout import SoftwareLayout
from karl.recipe.release.building.publish import publish
os.umask(int(sys.argv[4], 8))
publish(Path(sys.argv[1]), SoftwareLayout.below(Path(sys.argv[2])),
        build_index_url=sys.argv[3])
"""


def test_same_bytes_everywhere(repository: Path, index_url: str, tmp_path: Path):
    """Clone, umask, time zone, touch and SOURCE_DATE_EPOCH leave no trace."""
    sums = []
    for number, (umask, zone, epoch) in enumerate(
        [("077", "Asia/Tokyo", "1"), ("002", "America/Lima", "1700000000")]
    ):
        clone = tmp_path / f"clone{number * 'x'}" / "repository"
        git(tmp_path, "clone", "--quiet", str(repository), str(clone))
        if number:
            git(clone, "commit", "--quiet", "--amend", "--message", "Rebased",
                "--date", "2001-01-01T00:00:00")  # fmt: skip
            for path in (clone / "thing").rglob("*"):
                os.utime(path, (number, number))
                if path.is_file():
                    path.chmod(0o600)
        software = SoftwareLayout.below(tmp_path / f"software{number}")
        environment = {**os.environ, "TZ": zone, "SOURCE_DATE_EPOCH": epoch}
        argv = [sys.executable, "-c", _PUBLISH, clone / "thing",
                tmp_path / f"software{number}", index_url, umask]  # fmt: skip
        subprocess.run(list(map(str, argv)), env=environment, check=True)
        sums.append(
            {
                path.name: files.sha256_of(path)
                for path in software.pool.iterdir()
                if path.is_file() and not path.name.startswith(".")
            }
        )
    assert len(sums[0]) == 2
    assert sums[0] == sums[1]


def test_publishing_again_changes_nothing(
    repository: Path, published, software: SoftwareLayout
):
    """The same source again is a no-op."""
    first = published(repository / "thing")
    before = {path: path.stat().st_mtime_ns for path in software.pool.glob("acme*")}
    time.sleep(0.01)
    assert published(repository / "thing") == first
    after = {path: path.stat().st_mtime_ns for path in software.pool.glob("acme*")}
    assert after == before


def test_changed_source_needs_new_version(
    repository: Path, published, software: SoftwareLayout
):
    """A published version with other bytes is refused, and nothing is added."""
    first = published(repository / "thing")
    source = repository / "thing" / "src" / "acme" / "thing" / "__init__.py"
    source.write_text("VERSION = 'changed'\n")
    commit(repository)
    with pytest.raises(RefusedError) as caught:
        published(repository / "thing")
    assert "Raise the version" in caught.value.tip
    assert {n: files.sha256_of(software.pool / n) for n in first} == first
    pyproject = repository / "thing" / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("'1.0'", "'1.1'"))
    commit(repository)
    assert "acme_thing-1.1.tar.gz" in published(repository / "thing")


@pytest.mark.parametrize("kind", ["untracked", "changed", "staged", "removed"])
def test_uncommitted_is_refused(repository: Path, published, kind: str):
    """A tree with uncommitted changes is refused, which are named."""
    thing = repository / "thing"
    data = thing / "src" / "acme" / "thing" / "data.txt"
    if kind == "untracked":
        data = thing / "src" / "acme" / "thing" / "more.py"
    if kind == "removed":
        data.unlink()
    else:
        data.write_text("new\n")
    if kind == "staged":
        git(repository, "add", "--all")
    with pytest.raises(RefusedError, match=f"src/acme/thing/{data.name}"):
        published(thing)


def test_uncommitted_on_request(repository: Path, published, software):
    """What is not committed yet is published where that is asked for by name."""
    (repository / "thing" / "src" / "acme" / "thing" / "new.py").write_text("new")
    names = published(repository / "thing", allow_uncommitted=True)
    for name in names:
        found = archives.read(software.pool / name)
        assert [one for one in found if one.name.endswith("acme/thing/new.py")]


def test_changes_elsewhere_do_not_matter(repository: Path, published):
    """What is uncommitted outside of the tree is not looked at."""
    (repository / "other.txt").write_text("changed\n")
    (repository / "new.txt").write_text("new\n")
    assert published(repository / "thing")


def test_ignored_file_does_not_get_in(repository: Path, published, software):
    """A file that git ignores is in nothing that is published."""
    (repository / "thing" / "src" / "acme" / "thing" / "ignored.py").write_text("x")
    names = published(repository / "thing")
    for name in names:
        found = archives.read(software.pool / name)
        assert not [one for one in found if one.name.endswith("ignored.py")]
    again = published(repository / "thing", allow_uncommitted=True)
    assert again == names


def test_attributes_of_a_machine_do_not_matter(
    repository: Path, published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """git's own configuration on a machine changes no byte."""
    first = published(repository / "thing")
    home = write_tree(
        tmp_path / "home",
        {
            ".gitconfig": "[core]\nautocrlf = true\neol = crlf\n"
            "attributesFile = ~/attributes\n[tar]\numask = 0077\n",
            "attributes": "*.txt export-ignore\n*.py text eol=crlf\n",
        },
    )
    monkeypatch.setenv("HOME", str(home))
    git(repository, "status", "--short")
    other = SoftwareLayout.below(tmp_path / "other")
    assert published(repository / "thing", other) == first


def test_tree_without_git(tmp_path: Path, published):
    """A tree outside of git is refused, unless told otherwise."""
    tree = write_tree(tmp_path / "loose" / "thing", _FLIT_CONTENT)
    with pytest.raises(RefusedError, match="git cannot tell"):
        published(tree)
    assert published(tree, allow_uncommitted=True)


def test_submodule_is_refused(repository: Path, published, tmp_path: Path):
    """A tree whose content is in another repository is refused."""
    git(
        repository, "-c", "protocol.file.allow=always", "submodule", "--quiet",
        "add", str(shutil.copytree(repository, tmp_path / "copy")), "thing/sub",
    )  # fmt: skip
    commit(repository)
    with pytest.raises(RefusedError, match="submodule"):
        published(repository / "thing")


def test_names_must_agree(repository: Path, published, software: SoftwareLayout):
    """A build backend that lies about name or version gets nothing in."""
    thing = repository / "thing"
    shutil.rmtree(thing)
    write_tree(
        thing,
        {
            "pyproject.toml": "[build-system]\nrequires = ['flit_core']\n"
            "build-backend = 'liar'\nbackend-path = ['.']\n"
            "[project]\nname = 'honest'\nversion = '1.0'\ndescription = 'x'\n",
            "honest.py": "",
            "liar.py": "import os\nfrom flit_core.buildapi import *\n"
            "from flit_core import buildapi\n"
            "def build_sdist(folder, config_settings=None):\n"
            "    name = buildapi.build_sdist(folder, config_settings)\n"
            "    os.rename(f'{folder}/{name}', f'{folder}/honest-2.0.tar.gz')\n"
            "    return 'honest-2.0.tar.gz'\n",
        },
    )
    commit(repository)
    with pytest.raises(DamagedError, match=r"honest-2\.0\.tar\.gz"):
        published(thing)
    assert not list(software.pool.glob("honest*"))


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        (Expected(version="1.1"), "is of version 1.0, not 1.1"),
        (Expected(files={"acme_thing-1.0-py3-none-any.whl": "00"}), "an index names"),
    ],
)
def test_unexpected(repository: Path, published, software, expected, told):
    """What is not as it is expected leaves the pool as it was."""
    with pytest.raises(RefusedError, match=told):
        published(repository / "thing", expected=expected)
    assert not list(software.pool.glob("acme_thing*"))


def test_expected(repository: Path, published):
    """What is as it is expected is published."""
    names = published(repository / "thing")
    expected = Expected("1.0.0", names)
    assert published(repository / "thing", expected=expected) == names


def test_no_folder(published, tmp_path: Path):
    """A path that is no folder is said to be none."""
    with pytest.raises(UsageError, match="not a folder"):
        published(tmp_path / "nowhere")
