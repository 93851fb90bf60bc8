"""karl.recipe.release:index in real runs of zc.buildout."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
from support.wheels import make_wheel

BUILDOUT = Path(sysconfig.get_path("scripts")) / "buildout"
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def buildout(tmp_path: Path, registry):
    """Run zc.buildout with one part that is an index, its options given."""

    def run(*words: str, expect: int = 0, **options: str) -> str:
        lines = {"index": "team/1.0", "registry": registry.url, **options}
        text = "".join(f"{name} = {value}\n" for name, value in lines.items())
        (tmp_path / "buildout.cfg").write_text(
            "[buildout]\nparts = index\nnewest = false\n"
            f"[index]\nrecipe = karl.recipe.release:index\n{text}"
        )
        done = subprocess.run(
            [BUILDOUT, *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        told = done.stdout + done.stderr
        assert done.returncode == expect, told
        assert "Traceback" not in told
        assert "unused option" not in told
        return told

    return run


def test_a_buildout_freezes_an_index(buildout, registry, tmp_path):
    """A part with requirements freezes its index once, and then checks it."""
    make_wheel(registry.folder, "one", "1.0")
    buildout(requirements="one")
    lock = tmp_path / "indexes/team/1.0/pylock.toml"
    before = lock.read_bytes()
    make_wheel(registry.folder, "one", "2.0")
    registry.asked.clear()
    buildout(requirements="one")
    assert lock.read_bytes() == before
    assert registry.asked == []


def test_changed_requirements_need_a_new_version(buildout, registry, tmp_path):
    """A part that asks an existing version to be another fails and changes nothing."""
    make_wheel(registry.folder, "one", "1.0")
    make_wheel(registry.folder, "two", "1.0")
    buildout(requirements="one")
    lock = tmp_path / "indexes/team/1.0/pylock.toml"
    before = lock.read_bytes()
    told = buildout(requirements="one\n two", expect=1)
    assert "raise its version" in told
    assert lock.read_bytes() == before
    buildout(requirements="one\n two", index="team/1.1")
    assert lock.read_bytes() == before


def test_no_run_deletes_an_index(buildout, registry, tmp_path):
    """An index survives changed options, a failing part and a part that goes."""
    make_wheel(registry.folder, "one", "1.0")
    buildout(requirements="one")
    lock = tmp_path / "indexes/team/1.0/pylock.toml"
    buildout(index="team/9.9", expect=1)
    assert lock.is_file()
    buildout("buildout:parts=")
    assert lock.is_file()
    assert (tmp_path / "pool/one-1.0-py3-none-any.whl").is_file()


def test_an_index_that_came_as_a_lock_file_is_completed(buildout, registry, tmp_path):
    """With only the lock file there, the part fetches by hash and writes the rest."""
    make_wheel(registry.folder, "one", "1.0")
    buildout(requirements="one")
    shutil.rmtree(tmp_path / "pool")
    shutil.rmtree(tmp_path / "indexes/team/1.0/simple")
    told = buildout("-o", expect=1)
    assert "lacks one-1.0-py3-none-any.whl, and nothing" in told
    buildout()
    assert (tmp_path / "indexes/team/1.0/simple/one/index.html").is_file()
    shutil.rmtree(registry.folder)
    buildout("-o")


def test_our_own_packages_are_built_from_their_source_trees(
    buildout, tmp_path, registry
):
    """Missing files of our own are published from sources, and checked by hash."""
    tree = tmp_path / "src" / "team.site"
    module = tree / "src" / "team"
    module.mkdir(parents=True)
    (tree / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["flit_core==3.12.0"]\n'
        'build-backend = "flit_core.buildapi"\n'
        '[project]\nname = "team.site"\nversion = "1.0"\ndescription = "x"\n'
        'requires-python = ">=3.11"\n'
        '[tool.flit.module]\nname = "team.site"\n'
    )
    (module / "site.py").write_text("ANSWER = 42\n")
    _commit(tmp_path / "src")
    _give_backends(tmp_path)
    options = {
        "requirements": "team.site",
        "private": "team.*",
        "sources": "src/team.site",
        "build-index": "toolchain/1",
    }
    buildout(**options)
    assert "team-site" not in registry.asked
    wheel = tmp_path / "pool" / "team_site-1.0-py3-none-any.whl"
    before = wheel.read_bytes()
    wheel.unlink()
    buildout(**options)
    assert wheel.read_bytes() == before
    wheel.unlink()
    (tmp_path / "pool" / "team_site-1.0.tar.gz").unlink()
    (module / "site.py").write_text("ANSWER = 43\n")
    _commit(tmp_path / "src")
    told = buildout(**options, expect=1)
    assert "has other bytes than team/1.0 names" in told


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"index": "team"}, "NAME/VERSION"),
        ({"requirments": "one"}, "is requirements meant?"),
        ({"index": ""}, "the option index is missing"),
        ({"requirements": "one !!"}, "malformed"),
        ({"targets": "cp2"}, "not a target"),
        ({}, "does not say what to freeze"),
        ({"requirements": "one", "sources": "src/x"}, "build-index"),
    ],
)
def test_wrong_options_are_one_clear_error(buildout, tmp_path, options, complaint):
    """Each wrong option is an error that names it, before anything is made."""
    told = buildout(**options, expect=1)
    assert complaint in told
    assert not (tmp_path / "pool").exists()


def _commit(folder: Path) -> None:
    git = [
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.invalid",
        "-C",
        folder,
    ]
    if not (folder / ".git").exists():
        subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "x"], check=True)


def _give_backends(base: Path) -> None:
    """Give the toolchain's index and its pooled files to a buildout."""
    shutil.copytree(
        CHECKOUT / "indexes/toolchain/1",
        base / "indexes/toolchain/1",
        ignore=shutil.ignore_patterns("simple"),
    )
    shutil.copytree(
        CHECKOUT / "pool", base / "pool", ignore=shutil.ignore_patterns("built")
    )
