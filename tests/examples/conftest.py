"""The sample packages, installed and running for real.

Third-party packages come from one environment that is made once and kept; each
sample distribution is built as a wheel and unpacked into a folder. A release is
that environment's interpreter with some of these folders on its path.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import http.cookiejar
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from support.ports import free_port

CHECKOUT = Path(__file__).parents[2]
EXAMPLES = CHECKOUT / "examples"
#: The library of evolve steps: whoever evolves a database provides it.
LIBRARY = CHECKOUT / "src" / "karl.recipe.evolve" / "src"
SOURCES = {
    "karl-3.30": "karl.intranet/3.30",
    "karl-3.31": "karl.intranet/3.31",
    "acme-1.0": "acme.site/1.0",
    "acme-1.1": "acme.site/1.1",
    "globex-1.0": "globex.site/1.0",
}
START_SECONDS = 30


def _cache() -> Path:
    named = os.environ.get("KARL_TEST_CACHE")
    if named:
        path = Path(named) / "examples"
        path.mkdir(parents=True, exist_ok=True)
        return path
    path = Path(tempfile.gettempdir()) / f"karl-recipe-tests-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    if path.stat().st_uid != os.getuid():
        pytest.fail(f"{path} belongs to someone else; set KARL_TEST_CACHE")
    return path


def _installer(python: Path) -> list[str]:
    """The command that installs into the environment of ``python``."""
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--quiet", "--python", str(python)]
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    return [*pip, "install", "--quiet"]


def _build_requirement() -> str:
    """The one build requirement that the sample packages have."""
    found = {
        re.search(r'requires = \["(flit_core==[^"]+)"\]', file.read_text())[1]
        for file in EXAMPLES.glob("*/*/pyproject.toml")
    }
    (requirement,) = found
    return requirement


@pytest.fixture(scope="session")
def python() -> Path:
    """The interpreter of an environment with what the packages need."""
    requirements = EXAMPLES / "requirements.txt"
    key = hashlib.sha256(
        requirements.read_bytes()
        + _build_requirement().encode()
        + sys.version.encode()
        + sys.prefix.encode()
    ).hexdigest()
    cache = _cache()
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        environment = cache / f"environment-{key[:16]}"
        interpreter = environment / "bin" / "python"
        done = environment / "complete"
        if not done.exists():
            shutil.rmtree(environment, ignore_errors=True)
            make = [sys.executable, "-m", "venv", "--without-pip", str(environment)]
            subprocess.run(make, check=True)
            install = _installer(interpreter)
            subprocess.run(
                [*install, "-r", str(requirements), _build_requirement()], check=True
            )
            done.touch()
    return interpreter


@pytest.fixture(scope="session")
def wheels(python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A wheel of each sample distribution, by customer and version."""
    return {
        name: build(python, EXAMPLES / source, tmp_path_factory.mktemp("wheel"))
        for name, source in SOURCES.items()
    }


def build(python: Path, source: Path, folder: Path, kind: str = "wheel") -> Path:
    """Build ``source`` with its own backend, as installers and publishers do."""
    copy = folder / "source"
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    call = f"from flit_core import buildapi as b; print(b.build_{kind}('..'))"
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    name = subprocess.run(
        [str(python), "-c", call],
        cwd=copy,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    return folder / name


@pytest.fixture(scope="session")
def build_example() -> Callable[[Path, Path, Path, str], Path]:
    """What builds a sample package."""
    return build


@dataclass(frozen=True)
class Release:
    """An interpreter with some of the sample distributions on its path."""

    python: Path
    folders: tuple[Path, ...]
    egg: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, self.folders)),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def command(self, name: str, *arguments: object) -> list[str]:
        module = f"karl.intranet.commands.{name}"
        return [str(self.python), "-m", module, *map(str, arguments)]

    def run(
        self, name: str, *arguments: object, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        return self._run(self.command(name, *arguments), check=check)

    def script(self, text: str, *arguments: object) -> str:
        command = [str(self.python), "-c", text, *map(str, arguments)]
        return self._run(command, check=True).stdout

    def with_folders(self, *folders: Path) -> Release:
        """The release with more on its path."""
        return replace(self, folders=(*self.folders, *folders))

    def evolve_run(self, *arguments: object) -> list[dict[str, Any]]:
        """What ``evolve-run`` tells; the last event has its exit code."""
        module = ["-m", "karl.recipe.evolve.running", "--json"]
        command = [str(self.python), *module, *map(str, arguments)]
        done = self.with_folders(LIBRARY)._run(command, check=False)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert events, done.stderr
        return [*events[:-1], {**events[-1], "code": done.returncode}]

    def _run(
        self, command: Sequence[str], *, check: bool
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done


@pytest.fixture(scope="session")
def releases(
    python: Path, wheels: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Release]:
    """Every release of every customer."""
    folders = {}
    for name, wheel in wheels.items():
        folders[name] = tmp_path_factory.mktemp(name)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folders[name])

    def release(egg: str, *names: str) -> Release:
        return Release(python, tuple(folders[name] for name in names), egg)

    return {
        "karl-3.30": release("karl.intranet", "karl-3.30"),
        "karl-3.31": release("karl.intranet", "karl-3.31"),
        "acme-1.0": release("acme.site", "karl-3.30", "acme-1.0"),
        "acme-1.1": release("acme.site", "karl-3.31", "acme-1.1"),
        "globex-1.0": release("globex.site", "karl-3.30", "globex-1.0"),
    }


@dataclass
class Reply:
    """What a site answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    url: str

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Browser:
    """A person at a site: follows redirects, keeps cookies, sends forms."""

    base: str
    opener: urllib.request.OpenerDirector = field(init=False)

    def __post_init__(self) -> None:
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)

    def get(self, path: str) -> Reply:
        return self._open(urllib.request.Request(self._url(path)))

    def post(self, path: str, fields: Mapping[str, str], *, token: str = "") -> Reply:
        data = urllib.parse.urlencode({"csrf_token": token, **fields}).encode()
        return self._open(urllib.request.Request(self._url(path), data))

    def send(self, path: str, **fields: str) -> Reply:
        """Open the form at ``path``, fill it in, and send it."""
        return self.post(path, fields, token=self.token(path))

    def upload(self, path: str, filename: str, content: bytes, title: str) -> Reply:
        fields = {"csrf_token": self.token(path), "title": title}
        parts = [
            f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        parts.append(
            '--XX\r\nContent-Disposition: form-data; name="file"; '
            f'filename="{filename}"\r\nContent-Type: text/html\r\n\r\n'
        )
        body = "".join(parts).encode() + content + b"\r\n--XX--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=XX"}
        return self._open(urllib.request.Request(self._url(path), body, headers))

    def token(self, path: str) -> str:
        page = self.get(path).text
        return re.search(r'name="csrf_token" value="([^"]+)"', page)[1]

    def links(self, path: str) -> list[str]:
        found = re.findall(r'href="(/[^"]*)"', self.get(path).text)
        return [link.replace("&amp;", "&") for link in dict.fromkeys(found)]

    def _url(self, path: str) -> str:
        return urllib.parse.urljoin(self.base, path)

    def _open(self, request: urllib.request.Request) -> Reply:
        try:
            answer = self.opener.open(request, timeout=30)
        except urllib.error.HTTPError as refusal:
            answer = refusal
        with answer:
            return Reply(answer.status, answer.headers, answer.read(), answer.url)


@dataclass(frozen=True)
class Revision:
    """A folder with zodb.conf, its database beside it, and an ini file."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "Data.fs"

    @property
    def config(self) -> Path:
        return self.folder / "site.ini"

    def configure(self, egg: str, **settings: str) -> None:
        lines = [f"karl.{name} = {value}" for name, value in settings.items()]
        text = "\n".join(["[app:main]", f"use = egg:{egg}#main", *lines, ""])
        self.config.write_text(text)

    def bind(self, *, read_only: bool = False) -> None:
        (self.folder / "zodb.conf").write_text(
            "<zodb main>\n  <filestorage>\n"
            f"    path {self.data}\n    blob-dir {self.folder / 'blobs'}\n"
            f"    read-only {'true' if read_only else 'false'}\n"
            "  </filestorage>\n</zodb>\n"
        )

    def copy(self, folder: Path) -> Revision:
        shutil.copytree(self.folder, folder)
        copied = Revision(folder)
        copied.bind()
        return copied


def new_revision(folder: Path, egg: str = "karl.intranet") -> Revision:
    """A revision with a database that does not exist yet."""
    (folder / "blobs").mkdir(parents=True)
    revision = Revision(folder)
    revision.configure(egg)
    revision.bind()
    return revision


@pytest.fixture
def empty(tmp_path: Path) -> Revision:
    """A revision with a database that does not exist yet."""
    return new_revision(tmp_path / "revision")


@pytest.fixture(scope="session")
def filled_once(
    releases: dict[str, Release], tmp_path_factory: pytest.TempPathFactory
) -> Revision:
    """A revision with 200 documents, as release 3.30 made them."""
    revision = new_revision(tmp_path_factory.mktemp("filled") / "revision")
    releases["karl-3.30"].run("fill", 200, "--revision", revision.folder)
    return revision


@pytest.fixture
def filled(filled_once: Revision, tmp_path: Path) -> Revision:
    """A copy of its own of a revision with 200 documents."""
    return filled_once.copy(tmp_path / "filled")


Serve = Callable[..., "contextmanager[Browser]"]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Serve a revision with a release, until the end of the block."""

    @contextmanager
    def serving(
        release: Release, revision: Revision, *more: object
    ) -> Iterator[Browser]:
        port = free_port()
        bind = ("--bind", f"127.0.0.1:{port}")
        where = ("--revision", revision.folder, "--config", revision.config)
        log = tmp_path / f"serve-{port}.log"
        with (
            log.open("wb") as output,
            subprocess.Popen(
                release.command("serve", *where, *bind, *more),
                env=release.environment,
                stdout=output,
                stderr=output,
            ) as process,
        ):
            try:
                browser = Browser(f"http://127.0.0.1:{port}/")
                wait_for(browser, process, log)
                yield browser
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(30)

    return serving


def wait_for(browser: Browser, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the site answers."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            if browser.get("/healthz").status:
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the site does not answer:\n{log.read_text()}")


EVOLVE = """
import json, sys, transaction
from importlib.metadata import entry_points
from repoze.evolution import ZODBEvolutionManager, evolve_to_latest
from karl.intranet.database import opened
from pathlib import Path
with opened(Path(sys.argv[1]) / "zodb.conf") as database:
    connection = database.open()
    root = connection.root()
    done = {}
    for point in entry_points(group="karl.evolve"):
        package = point.load()
        manager = ZODBEvolutionManager(
            root, point.value, package.VERSION, initial_db_version=0
        )
        done[point.name] = evolve_to_latest(manager)
    transaction.abort()
    connection.close()
print(json.dumps(done))
"""


@pytest.fixture
def evolve() -> Callable[[Release, Revision], dict[str, int]]:
    """Evolve a database with repoze.evolution to what a release wants."""

    def evolving(release: Release, revision: Revision) -> dict[str, int]:
        provided = release.with_folders(LIBRARY)
        return json.loads(provided.script(EVOLVE, revision.folder))

    return evolving
