from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.registries import public_registry
from support.sources import backend, flit, write_sdist, write_tree
from support.wheels import make_wheel

from karl.recipe.release.base.errors import (
    DamagedError,
    ProcessError,
    RefusedError,
    UsageError,
)
from karl.recipe.release.building import builder

_WHEEL = """
import pathlib, sys, time, zipfile
def get_requires_for_build_wheel(config_settings=None):
    return {requires!r}
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    {action}
    name = "mine-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w") as archive:
        archive.writestr("mine.py", "")
    return name
"""


def own_backend(
    action: str = "pass",
    requires: tuple[str, ...] = (),
    declared: tuple[str, ...] = (),
) -> dict[str, str]:
    source = _WHEEL.format(action=action, requires=list(requires))
    return backend(source, declared)


@pytest.fixture
def sdist(tmp_path: Path) -> Path:
    """An sdist that flit_core builds."""
    return write_sdist(tmp_path / "acme.thing-1.0.tar.gz", flit())


def test_wheel_of_sdist(sdist: Path, index_url: str, tmp_path: Path):
    """A wheel is built of an sdist with what the index has."""
    wheel = builder.build_wheel(sdist, index_url=index_url, into=tmp_path / "out")
    assert wheel.parent == tmp_path / "out"
    assert "acme/thing/__init__.py" in zipfile.ZipFile(wheel).namelist()


def test_source_folder_stays(index_url: str, tmp_path: Path):
    """Building a folder writes nothing into it."""
    source = write_tree(tmp_path / "mine", own_backend("open('dropped', 'w').close()"))
    builder.build_wheel(source, index_url=index_url, into=tmp_path / "out")
    assert sorted(os.listdir(source)) == ["backend.py", "pyproject.toml"]


def test_nothing_but_the_index(
    sdist: Path, index_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """No configuration, variable or cache leads a build to another index."""
    home = tmp_path / "home"
    with public_registry(tmp_path / "public") as public:
        make_wheel(public.folder, "flit-core", "99.0")
        setting = (
            f"[global]\nindex-url = {public.url}\nextra-index-url = {public.url}\n"
        )
        write_tree(home, {".config/pip/pip.conf": setting, ".pip/pip.conf": setting})
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.delenv("PIP_CONFIG_FILE")
        for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX"):
            monkeypatch.setenv(name, public.url)
        monkeypatch.setenv("PIP_FIND_LINKS", str(public.folder))
        settings = builder.Settings(index_url)
        built = builder.make("wheel", sdist, settings, tmp_path / "out")
        assert public.asked == []
    assert built.requirements == ("flit-core==4.2.0",)
    assert sorted(os.listdir(home)) == [".config", ".pip"]


_NO_NETWORK = ["unshare", "--user", "--map-root-user", "--net"]


@pytest.mark.skipif(
    not shutil.which("unshare")
    or subprocess.run([*_NO_NETWORK, "true"], check=False).returncode != 0,
    reason="this machine does not let a user make a namespace without network",
)
def test_without_network(sdist: Path, index_url: str, tmp_path: Path):
    """A build from a file:// index needs no network at all."""
    code = (
        "import sys; from pathlib import Path;"
        "from karl.recipe.release.building import builder;"
        "builder.build_wheel(Path(sys.argv[1]), index_url=sys.argv[2],"
        " into=Path(sys.argv[3]))"
    )
    argv = [sys.executable, "-c", code, sdist, index_url, tmp_path / "out"]
    subprocess.run([*_NO_NETWORK, *map(str, argv)], check=True)
    assert list((tmp_path / "out").glob("*.whl"))


def test_missing_requirement_is_named(index_url: str, tmp_path: Path):
    """A build requirement that the index lacks is named, with the index."""
    source = write_tree(
        tmp_path / "mine", own_backend(requires=("nowhere-to-be-found>=2",))
    )
    with pytest.raises(RefusedError) as caught:
        builder.build_wheel(source, index_url=index_url, into=tmp_path / "out")
    assert "No matching distribution found for nowhere-to-be-found>=2" in str(
        caught.value
    )
    assert index_url in caught.value.message


def test_altered_requirement_is_refused(sdist: Path, indexed: Callable, tmp_path: Path):
    """A build requirement whose bytes are not those of the index is not used."""
    simple = indexed(name="altered/1").layout.simple
    (wheel,) = (simple / "flit-core").glob("*.whl")
    content = wheel.read_bytes()
    wheel.unlink()
    wheel.write_bytes(content + b"\n")
    with pytest.raises(RefusedError, match="HASH"):
        builder.build_wheel(sdist, index_url=simple.as_uri(), into=tmp_path / "out")


@pytest.mark.parametrize(
    "url",
    [
        "https://host.example/simple",
        "http://example.org/simple",
        "file://host/x",
        "",
    ],
)
def test_foreign_index_is_refused(sdist: Path, tmp_path: Path, url: str):
    """Builds take requirements from this machine alone."""
    with pytest.raises(UsageError):
        builder.build_wheel(sdist, index_url=url, into=tmp_path / "out")


def test_requirement_from_an_address_is_refused(index_url: str, tmp_path: Path):
    """A build requirement that names an address, not an index's file, is refused."""
    source = write_tree(
        tmp_path / "mine",
        own_backend(requires=("evil @ https://example.org/evil-1.0.tar.gz",)),
    )
    with pytest.raises(RefusedError, match=r"evil @ https://example\.org"):
        builder.build_wheel(source, index_url=index_url, into=tmp_path / "out")


def test_failure_keeps_the_log(index_url: str, tmp_path: Path):
    """A failed build shows the end of its output and says where all of it is."""
    action = "[print('line', n) for n in range(2000)]; sys.exit('broken at last')"
    source = write_tree(tmp_path / "mine", own_backend(action))
    log = tmp_path / "build.log"
    settings = builder.Settings(index_url, log=log)
    with pytest.raises(ProcessError) as caught:
        builder.make("wheel", source, settings, tmp_path / "out")
    assert str(log) in caught.value.message
    assert "broken at last" in caught.value.output
    assert "line 0\n" not in caught.value.output
    assert "line 0\n" in log.read_text()


def test_screen_stays_clean(
    index_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    recwarn: pytest.WarningsRecorder,
):  # fmt: skip
    """What the library build says and warns of is in the log, not on the screen."""
    caplog.set_level(logging.INFO)
    warning = "import warnings; warnings.warn('mind the gap')"
    source = write_tree(tmp_path / "mine", own_backend(warning))
    typo = (source / "pyproject.toml").read_text() + "\n[build_sytem]\n"
    (source / "pyproject.toml").write_text(typo)
    builder.build_wheel(source, index_url=index_url, into=tmp_path / "out")
    (source / "backend.py").write_text("raise SystemExit(1)")
    log = tmp_path / "build.log"
    with pytest.raises(ProcessError):
        builder.make(
            "wheel", source, builder.Settings(index_url, log=log), tmp_path / "out"
        )
    assert not caplog.records
    assert not recwarn.list
    assert "Getting build dependencies for wheel..." in log.read_text()
    assert logging.getLogger("build").propagate


def test_title(index_url: str, tmp_path: Path, notes):
    """A folder's build is announced by project and version, not by the folder."""
    source = write_tree(tmp_path / "3.30", flit("karl.intranet", "3.30"))
    builder.build_sdist(
        source, index_url=index_url, into=tmp_path / "out", reporter=notes
    )
    assert notes.said == ["Building the sdist of karl.intranet 3.30"]


def test_backend_warning_stops_nothing(index_url: str, tmp_path: Path):
    """What a build backend warns of is not turned into a warning of ours."""
    action = "import warnings; warnings.warn('mind the gap')"
    source = write_tree(tmp_path / "mine", own_backend(action))
    assert builder.build_wheel(source, index_url=index_url, into=tmp_path / "out")


def test_success_leaves_nothing(
    sdist: Path, index_url: str, tmp_path: Path, scratch: Path
):
    """After a build neither log nor environment is left."""
    builder.build_wheel(sdist, index_url=index_url, into=tmp_path / "out")
    assert list(scratch.iterdir()) == []


def test_sign_of_life(index_url: str, tmp_path: Path, notes):
    """While a build runs, the reporter hears of it about every second."""
    source = write_tree(tmp_path / "mine", own_backend("time.sleep(2.5)"))
    builder.build_wheel(
        source, index_url=index_url, into=tmp_path / "out", reporter=notes
    )
    assert notes.said == ["Building the wheel of mine"]
    assert len(notes.beats) >= 2


def test_build_requirements(index_url: str, tmp_path: Path):
    """Build requirements are those declared and those the backend asks for."""
    files = own_backend(requires=("nowhere>=2",), declared=("flit_core",))
    source = write_sdist(tmp_path / "mine-1.0.tar.gz", files)
    found = builder.build_requirements(source, index_url=index_url)
    assert found == ("flit_core", "nowhere>=2")


def test_build_requirements_of_old_sdist(index_url: str, tmp_path: Path):
    """A project without pyproject.toml is built with setuptools."""
    source = write_sdist(
        tmp_path / "old-1.0.tar.gz",
        {"setup.py": "import setuptools\nsetuptools.setup(name='old', version='1')\n"},
    )
    assert builder.build_requirements(source, index_url=index_url) == (
        "setuptools>=40.8.0",
    )
    assert builder.build_wheel(source, index_url=index_url, into=tmp_path / "out")


def test_relaxed_pins(index_url: str, tmp_path: Path):
    """Pins of named build requirements are not heeded."""
    source = write_tree(tmp_path / "mine", own_backend(requires=("flit_core==1.0",)))
    settings = builder.Settings(index_url, relaxed=("flit-core",))
    built = builder.make("wheel", source, settings, tmp_path / "out")
    assert built.requirements == ("flit-core==4.2.0",)


def test_given_wheel_takes_precedence(index_url: str, tmp_path: Path):
    """A wheel that is given takes the place of what the index has of it."""
    wheel = make_wheel(tmp_path / "given", "flit_core", "4.2.0")
    source = write_tree(
        tmp_path / "mine",
        own_backend(
            "import flit_core; assert flit_core.VERSION == '4.2.0'",
            requires=("flit_core",),
        ),
    )
    settings = builder.Settings(index_url, wheels=(wheel,))
    assert builder.make("wheel", source, settings, tmp_path / "out")


def test_no_project_at_all(index_url: str, tmp_path: Path):
    """A folder that is no project is refused by name."""
    source = write_tree(tmp_path / "nothing", {"x": ""})
    log = tmp_path / "build.log"
    with pytest.raises(UsageError, match="nothing"):
        builder.make(
            "wheel", source, builder.Settings(index_url, log=log), tmp_path / "out"
        )
    assert not log.exists()


def test_broken_sdist(index_url: str, tmp_path: Path):
    """A file that is no archive is refused."""
    path = tmp_path / "broken-1.0.tar.gz"
    path.write_bytes(b"nonsense")
    with pytest.raises(DamagedError, match=r"broken-1\.0"):
        builder.build_wheel(path, index_url=index_url, into=tmp_path / "out")
