"""Every client that is said to install from a frozen index does, for real."""

from __future__ import annotations

import functools
import http.server
import subprocess
import sys
import sysconfig
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.registries import Registry
from support.wheels import make_sdist, make_wheel

from karl.recipe.release.base import files
from karl.recipe.release.base.process import clean_environment
from karl.recipe.release.distributions.lockfile import Index
from karl.recipe.release.indexes.derived import requirements_txt
from karl.recipe.release.indexes.resolve import uv_program

SCRIPTS = Path(sysconfig.get_path("scripts"))


@pytest.fixture
def index(frozen, registry: Registry) -> Index:
    """An index of a pure wheel, its dependency, and a project with only an sdist."""
    flit = next((Path(__file__).parents[2] / "pool").glob("flit_core-3.*.whl"))
    files.copy_file(flit, registry.folder / flit.name)
    make_wheel(registry.folder, "zope.base", "1.0")
    make_wheel(registry.folder, "zope.base", "2.0")
    make_wheel(
        registry.folder,
        "app",
        "1.0",
        requires=["zope.base<2"],
        requires_python=">=3.8",
        files={"app.py": "def main():\n    print('app runs')\n"},
        scripts={"app": "app:main"},
    )
    make_sdist(registry.folder, "legacy", "1.0", dependencies=["app"])
    return frozen("team/1.0", "legacy")


class _Static(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def served(index: Index) -> Iterator[str]:
    """The index's folder on a static web server that knows nothing of indexes."""
    handler = functools.partial(_Static, directory=str(index.layout.root))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/simple/"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["file", "http"])
def url(index, request: pytest.FixtureRequest) -> str:
    """Where a client finds the index, in either way."""
    if request.param == "file":
        return index.layout.simple.as_uri()
    return request.getfixturevalue("served")


def run(*argv: object, home: Path, expect: int = 0) -> str:
    """Run a client with nothing of this machine's configuration."""
    done = subprocess.run(
        [str(word) for word in argv],
        env=clean_environment(HOME=str(home), PIP_CONFIG_FILE="/dev/null"),
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == (expect == 0), done.stdout + done.stderr
    return done.stdout + done.stderr


def new_environment(folder: Path) -> Path:
    """Make an empty virtual environment and return its interpreter."""
    run(
        uv_program(), "venv", "--no-config", "--offline", "--python", sys.executable,
        folder / "env", home=folder,
    )  # fmt: skip
    return folder / "env" / "bin" / "python"


def installed(python: Path, home: Path) -> dict[str, str]:
    """Return what is installed beside an interpreter."""
    code = (
        "import importlib.metadata as m\n"
        "for d in m.distributions(): print(d.name, d.version)"
    )
    return dict(
        line.split() for line in run(python, "-c", code, home=home).splitlines()
    )


WANTED = {"app": "1.0", "legacy": "1.0", "zope.base": "1.0"}


def test_pip_installs_with_its_own_resolver(index, url, tmp_path):
    """pip installs a pinned set, sdist included, over file:// and over HTTP."""
    python = new_environment(tmp_path)
    run(
        sys.executable, "-m", "pip", "--isolated", "--python", python, "install",
        "--no-cache-dir", "--index-url", url, "legacy==1.0", home=tmp_path,
    )  # fmt: skip
    assert installed(python, tmp_path) == WANTED


def test_pip_requires_the_hashes_of_the_lock(index, tmp_path):
    """pip --require-hashes takes the lock's files, and refuses one other byte."""
    python = new_environment(tmp_path)
    (tmp_path / "r.txt").write_text(requirements_txt(index.lock))
    install = (
        sys.executable, "-m", "pip", "--isolated", "--python", python, "install",
        "--no-cache-dir", "--require-hashes", "--index-url",
        index.layout.simple.as_uri(), "-r", tmp_path / "r.txt",
    )  # fmt: skip
    run(*install, home=tmp_path)
    assert installed(python, tmp_path) == WANTED
    other = make_wheel(tmp_path / "other", "app", "1.0", files={"evil.py": ""})
    link = index.layout.project("app") / other.name
    link.unlink()
    link.symlink_to(other)
    told = run(*install, "--force-reinstall", home=tmp_path, expect=1)
    assert "do not match the hashes" in told.lower()


def test_pip_reads_the_lock_file_itself(index, tmp_path):
    """pip's own support of PEP 751 installs from pylock.toml."""
    python = new_environment(tmp_path)
    run(
        sys.executable, "-m", "pip", "--isolated", "--python", python, "install",
        "--no-cache-dir", "--index-url", index.layout.simple.as_uri(),
        "-r", index.layout.lock_file, home=tmp_path,
    )  # fmt: skip
    assert installed(python, tmp_path) == WANTED


def test_uv_installs(index, url, tmp_path):
    """Uv installs with hashes required, sdist included, over file:// and HTTP."""
    python = new_environment(tmp_path)
    (tmp_path / "r.txt").write_text(requirements_txt(index.lock))
    run(
        uv_program(), "pip", "install", "--no-config", "--no-cache", "--python", python,
        "--require-hashes", "--index-url", url, "-r", tmp_path / "r.txt", home=tmp_path,
    )  # fmt: skip
    assert installed(python, tmp_path) == WANTED


def test_zc_buildout_installs(index, url, tmp_path):
    """zc.buildout installs pinned eggs, sdist included, over file:// and HTTP."""
    (tmp_path / "buildout.cfg").write_text(
        f"[buildout]\nextends = {index.layout.versions_file}\nparts = app\n"
        f"index = {url}\nnewest = false\nallow-picked-versions = false\n"
        "[app]\nrecipe = zc.recipe.egg\neggs = legacy\n app\n"
    )
    run(sys.executable, SCRIPTS / "buildout", home=tmp_path)
    assert run(tmp_path / "bin" / "app", home=tmp_path) == "app runs\n"
    names = {path.name.split("-")[0] for path in (tmp_path / "eggs").rglob("*.egg")}
    assert {"app", "legacy"} <= names
    assert any(name in names for name in ("zope.base", "zope_base"))


def test_pages_carry_what_the_standards_say(index, served):
    """Pages have hashes, data-requires-python, core metadata and a JSON twin."""
    digest = files.sha256_of(index.layout.project("app") / "app-1.0-py3-none-any.whl")

    def get(path: str) -> str:
        with urllib.request.urlopen(served + path) as answer:
            return answer.read().decode()

    page = get("app/")
    assert f"app-1.0-py3-none-any.whl#sha256={digest}" in page
    assert 'data-requires-python="&gt;=3.8"' in page
    metadata = get("app/app-1.0-py3-none-any.whl.metadata")
    assert "Requires-Dist: zope.base<2" in metadata
    announced = index.lock.by_name()["app"].wheels[0].metadata_sha256
    assert f'data-core-metadata="sha256={announced}"' in page
    assert f'data-dist-info-metadata="sha256={announced}"' in page
    assert digest in get("app/index.json")
    assert '"api-version": "1.1"' in get("app/index.json")
    assert '"name": "zope-base"' in get("index.json")
