"""The README's commands, run in a fresh clone with nothing in HOME."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.ports import free_port

from karl.recipe.release.base.files import link_or_copy
from karl.recipe.release.base.process import clean_environment

FIRST = "python3 bootstrap.py && bin/buildout -c buildouts/acme-dev.cfg"
DEV = "sites/acme-dev"
PROD = "sites/acme-prod"
NEXT = "bin/buildout -c buildouts/acme-prod.cfg site:version=1.1"
SWITCH = f"{PROD}/bin/switch-version"
BIN = "current/release/bin"
ZEO = "sites/zeo-central"
TESTS = "python3 bootstrap.py --test && bin/test"


@dataclass
class Clone:
    """A fresh clone of the checkout's last commit.

    :ivar said: what each command of the README printed.
    """

    root: Path
    home: Path
    said: dict[str, str]

    @property
    def site(self) -> Path:
        return self.root / PROD

    def take_free_port(self) -> None:
        """Have the site listen where nobody else does, and let git know of it."""
        config = self.root / "buildouts" / "acme-prod.cfg"
        text = config.read_text()
        assert text.count("address = 8080") == 1
        config.write_text(text.replace("8080", str(free_port())))
        subprocess.run(
            [
                "git", "-c", "user.name=kim", "-c", "user.email=kim@acme.example",
                "commit", "-q", "-a", "-m", "Another port",
            ],
            cwd=self.root, check=True,
        )  # fmt: skip

    @property
    def address(self) -> str:
        """Where the site listens."""
        declared = json.loads((self.site / "etc" / "upgrade.json").read_text())
        return f"http://127.0.0.1:{declared['serving']['address']['port']}/"

    def environment(self) -> dict[str, str]:
        return clean_environment(
            HOME=str(self.home), PIP_CONFIG_FILE=os.devnull, LOGNAME="kim"
        )

    def run(self, command: str) -> str:
        """Run a line as a person types it; fail if it fails."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.root, env=self.environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        self.said[command] = done.stdout + done.stderr
        return self.said[command]

    def live(self, site: str = PROD) -> str:
        """Return the release that current leads to."""
        return (self.root / site / "current" / "release").resolve().name

    def stop(self) -> None:
        """Stop what runs."""
        for command in (
            f"{PROD}/bin/site stop",
            f"{ZEO}/bin/zeoctl stop --all --supervisor",
        ):
            with contextlib.suppress(AssertionError):
                self.run(command)


def commands(page) -> list[str]:
    """Return every command of the README, in order."""
    return [
        line
        for block in page("README.md").blocks("sh")
        for line in re.sub(r"\\\n *", "", block).splitlines()
        if line
    ]


def test_every_command_of_the_readme_is_one_that_these_tests_run(page):
    """Nothing is told to be typed that was not tried."""
    prerequisites, *told = commands(page)
    assert prerequisites.startswith("sudo apt-get install ")
    assert told == [command for command, _ in STEPS]


def test_the_table_of_the_tour_is_that_of_its_page(page, checkout):
    """README and tutorial show the same tour, with a row for each of its chapters."""
    table = page("README.md").blocks("text")[2]
    assert table in page("docs/tutorial/tour.md").blocks("text")
    _, *rows = table.partition("\n\n")[0].splitlines()
    code = (checkout / "tour/command.py").read_text()
    chapters = re.findall(r'\.chapter\(\s+"([^"]+)"', code)
    assert {re.split("  +", row)[0] for row in rows} == set(chapters)
    assert len(rows) == len(chapters)


def test_the_prerequisites_are_what_the_checks_run_with(page, checkout):
    """The packages of the README are those that .ci/run installs for the checks."""
    named = set(commands(page)[0].split()[3:])
    script = (checkout / ".ci/run").read_text()
    wanted = re.search(r"wanted=\(([^)]*)\)", script)
    assert wanted
    assert named == set(wanted[1].split()) - {"ca-certificates"}


@pytest.fixture(scope="module")
def clone(checkout) -> Iterator[Clone]:
    """A clone in which the README's commands were run, one after the other."""
    # A short path: the servers' sockets are below it.
    base = Path(tempfile.mkdtemp(prefix="karl-", dir="/tmp"))
    root, home = base / "karl", base / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "-q", checkout, root], check=True)
    # The pool is filled by hash from a registry, and lxml takes a minute: what
    # the checkout has of both is used, so that this takes seconds.
    shutil.copytree(
        checkout / "pool",
        root / "pool",
        copy_function=link_or_copy,
        ignore=shutil.ignore_patterns(".locks", ".logs", ".partial-*", ".lock"),
    )
    clone = Clone(root, home, {})
    clone.take_free_port()
    try:
        for command, step in STEPS:
            step(clone, command)
        yield clone
    finally:
        clone.stop()
        for folder, _, _ in os.walk(base):
            Path(folder).chmod(0o755)
        shutil.rmtree(base)


def _run(clone: Clone, command: str) -> None:
    clone.run(command)


def _first(clone: Clone, command: str) -> None:
    clone.run(command)
    assert (clone.root / DEV / "releases/1.1/release.json").is_file()
    assert not (clone.root / DEV / "current").exists()


def _first_switch(clone: Clone, command: str) -> None:
    clone.run(command)
    assert clone.live(DEV) == "1.1"


def _serve(clone: Clone, command: str) -> None:
    with serving(clone, command) as url:
        assert release_of(url) == "1.1"
        with urllib.request.urlopen(url) as answer:
            assert b"Acme Hub" in answer.read()


def _tour(clone: Clone, command: str) -> None:
    """See that it is there: ``tests/tour`` goes on it, for some minutes."""
    assert "--keep" in clone.run(f"{command} --help")


def _central(clone: Clone, command: str) -> None:
    clone.run(command)
    assert (clone.root / ZEO / "bin/zeoctl").is_file()


def _built(clone: Clone, command: str) -> None:
    clone.run(command)
    assert (clone.site / "releases/1.0/release.json").is_file()
    assert not (clone.site / "current").exists()


def _first_release(clone: Clone, command: str) -> None:
    clone.run(command)
    assert clone.live() == "1.0"
    assert b"acme-prod-1" in (clone.site / "current/zodb.conf").read_bytes()


def _serves_old(clone: Clone, command: str) -> None:
    clone.run(command)
    assert release_of(clone.address) == "1.0"
    assert b"acme-classification" not in community(clone.address)


def _started(clone: Clone, command: str) -> None:
    clone.run(command)
    assert release_of(clone.address) == "1.0"


def _next(clone: Clone, command: str) -> None:
    before = (clone.site / "releases/1.0/release.json").read_bytes()
    clone.run(command)
    assert (clone.site / "releases/1.1/release.json").is_file()
    assert (clone.site / "releases/1.0/release.json").read_bytes() == before
    assert clone.live() == "1.0"


def _evolved(clone: Clone, command: str) -> None:
    clone.run(command)
    assert clone.live() == "1.1"
    assert release_of(clone.address) == "1.1"
    assert b"acme-classification internal" in community(clone.address)


def _stopped(clone: Clone, command: str) -> None:
    clone.run(command)
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(clone.address)


def _tests(clone: Clone, command: str) -> None:
    """Only collect: these tests are among those that it would run."""
    clone.run(f"{command} --collect-only -q tests/bootstrap")


#: What is done for each command of the README, and looked at after it.
STEPS: tuple[tuple[str, Callable[[Clone, str], None]], ...] = (
    (FIRST, _first),
    (f"{DEV}/bin/switch-version 1.1", _first_switch),
    (f"{DEV}/{BIN}/karl-fill 200", _run),
    (f"{DEV}/{BIN}/karl-serve", _serve),
    ("bin/tour", _tour),
    ("bin/buildout -c buildouts/zeo-central.cfg", _central),
    (f"{ZEO}/bin/switch-version 1", _run),
    (f"{ZEO}/bin/zeoctl init acme-prod", _run),
    (f"{ZEO}/bin/zeoctl start acme-prod", _run),
    ("bin/buildout -c buildouts/acme-prod.cfg", _built),
    (f"{PROD}/bin/evolve 1.0", _first_release),
    (f"{PROD}/bin/site start", _started),
    (f"{PROD}/{BIN}/karl-fill 300", _run),
    (NEXT, _next),
    (f"{PROD}/bin/evolve 1.1 --rehearse", _serves_old),
    (f"{PROD}/bin/evolve 1.1", _evolved),
    (f"{PROD}/bin/site status", _run),
    (f"{PROD}/bin/evolve --rollback", _serves_old),
    (f"{SWITCH} --list", _run),
    (f"{SWITCH} --verify", _run),
    (f"{ZEO}/bin/zeoctl backup acme-prod", _run),
    (f"{ZEO}/bin/zeoctl verify-backup acme-prod --drill", _run),
    (f"{ZEO}/bin/zeoctl status", _run),
    (f"{PROD}/bin/site stop", _stopped),
    (f"{ZEO}/bin/zeoctl stop --all --supervisor", _run),
    (TESTS, _tests),
)


@contextlib.contextmanager
def serving(clone: Clone, command: str) -> Iterator[str]:
    """Run karl-serve, on a free port, until the end of the block."""
    address = f"127.0.0.1:{free_port()}"
    server = subprocess.Popen(
        [*command.split(), "--bind", address],
        cwd=clone.root, env=clone.environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        _wait_for(f"http://{address}/healthz", server)
        yield f"http://{address}/"
    finally:
        server.terminate()
        server.communicate(timeout=30)
    assert server.returncode == 0


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(url).close()
        except OSError:
            assert server.poll() is None, server.communicate()[0]
            assert time.monotonic() < deadline, "karl-serve does not answer"
            time.sleep(0.1)
        else:
            return


def release_of(url: str) -> str:
    """Return which release of Acme's package a site says that it is."""
    with urllib.request.urlopen(f"{url}healthz") as answer:
        assert answer.status == 200
        return str(json.loads(answer.read())["packages"]["acme.site"]["release"])


def community(url: str) -> bytes:
    """Return the page of some community."""
    with urllib.request.urlopen(f"{url}communities/") as answer:
        found = re.search(rb'href="/(communities/[a-z][^"/]+/)"', answer.read())
    assert found
    with urllib.request.urlopen(url + found[1].decode()) as answer:
        return bytes(answer.read())


def plain(text: str) -> list[str]:
    """Return the lines of *text* without what differs each time."""
    moment = r"\d{4}-\d\d-\d\dT\S+"
    return [
        " ".join(re.sub(rf"{moment}|\d+\.\d s", "#", line).split())
        for line in text.splitlines()
    ]


@pytest.mark.slow
def test_the_commands_do_what_the_readme_says(clone, page):
    """All run in a fresh clone with an empty HOME; what is shown is what is printed."""
    first, _, upgrade, listed = page("README.md").blocks("text")[1:]
    said = clone.said[f"{DEV}/bin/switch-version 1.1"].splitlines()
    assert set(first.splitlines()) <= set(said)
    said = clone.said[f"{PROD}/bin/evolve 1.1"].replace(str(clone.root), "/srv/karl")
    assert set(plain(upgrade)) <= set(plain(said))
    assert set(plain(listed)) <= set(plain(clone.said[f"{SWITCH} --list"]))
    assert "Uninstalling release." in clone.said[NEXT]
    assert "release 1.0: intact" in clone.said[f"{SWITCH} --verify"]


@pytest.mark.slow
def test_the_commands_leave_git_clean(clone):
    """Nothing that they make is for git to see, and HOME stays empty."""
    assert clone.run("git status --short --untracked-files=all") == ""
    assert list(clone.home.iterdir()) == []


@pytest.mark.slow
def test_the_site_holds_what_the_readme_says(clone):
    """The site has the releases, the revisions and current."""
    assert sorted(p.name for p in (clone.site / "releases").iterdir()) == ["1.0", "1.1"]
    revisions = sorted(path.name for path in (clone.site / "revisions").iterdir())
    assert revisions == ["1", "3"]
    assert (clone.site / "current").is_symlink()


@pytest.mark.slow
def test_every_file_on_disk_is_documented(clone, page):
    """Each kind of file that the commands leave has its row on the page."""
    told = "".join(
        page(f"docs/reference/{name}.md").text
        for name in ("files-on-disk", "switch-version", "bootstrap", "evolve")
    )
    for place in kinds_of_files(clone.root):
        assert f"`{place}" in told, place


@pytest.mark.slow
@pytest.mark.parametrize(
    "place",
    [
        "sites/acme-prod/releases/1.0/release.json",
        "sites/acme-prod/revisions/1/revision.json",
        "pool/built/*/provenance.json",
    ],
)
def test_every_key_of_the_records_is_documented(clone, page, place):
    """Each key of a manifest, of a revision and of a provenance is on the page."""
    text = page("docs/reference/files-on-disk.md").text
    for path in clone.root.glob(place):
        for key in json.loads(path.read_text()):
            assert f"`{key}`" in text or f'"{key}"' in text, key


_STORAGE = r"sites/zeo-central/\w+-\w+"

#: How paths become what the page calls them; the first that fits counts.
_KINDS = (
    (r"pool/built/\.(locks|logs)/.*", r"pool/built/.\1/<key>"),
    (r"pool/built/[^/]+/provenance\.json", "pool/built/<key>/"),
    (r"pool/built/[^/]+/[^/]+\.whl", "pool/built/<key>/"),
    (r"pool/[^/.][^/]*", "pool/<file>"),
    (
        r"indexes/[^/]+/[^/]+/(pylock\.toml|versions\.cfg)",
        r"indexes/<name>/<version>/\1",
    ),
    (r"indexes/[^/]+/[^/]+/simple/(index\.\w+)", r"…/simple/\1"),
    (r"indexes/[^/]+/[^/]+/simple/[^/]+/index\.html", "…/simple/<project>/index.html"),
    (r"indexes/[^/]+/[^/]+/simple/[^/]+/index\.json", "index.json"),
    (r"indexes/.*\.metadata", "…/simple/<project>/<wheel>.metadata"),
    (r"indexes/[^/]+/[^/]+/simple/[^/]+/[^/]+", "…/simple/<project>/<file>"),
    (r"store/[^/]+/\w{64}/(entry\.json|\w+/).*", r"…/\1"),
    (r"sites/zeo-central/etc/(programs|zeo)/.*", r"etc/\1/<storage>-<side>.conf"),
    (r"sites/[^/]+/etc/systemd/.*", "etc/systemd/"),
    (r"sites/[^/]+/var/(log|run)/.*", r"var/\1/"),
    (r"sites/[^/]+/share/.*", "share/"),
    (rf"{_STORAGE}/databases/\d+/blobs/.*", "databases/<n>/blobs/"),
    (rf"{_STORAGE}/databases/\d+/(.*)", r"databases/<n>/\1"),
    (rf"{_STORAGE}/backups/[-0-9]+/blobs/.*", "<chain>/blobs/"),
    (
        rf"{_STORAGE}/backups/([-0-9]+)/\1(\.fs|\.dat)",
        r"<chain>/<chain>\2",
    ),
    (rf"{_STORAGE}/backups/[-0-9]+/[-0-9]+(\..*)", r"<chain>/<stamp>\1"),
    (rf"{_STORAGE}/backups/(.*)", r"\1"),
    (r"sites/zeo-central/(?:acme|globex)-\w+/(.*)", r"\1"),
    (r"sites/[^/]+/lib/\w+/.*", "lib/<digest>/"),
    (r"sites/[^/]+/releases/[^/]+/libexec/.*", "libexec/python3.11"),
    (r"sites/[^/]+/releases/[^/]+/lib/.*", "lib/python3.11/site-packages/"),
    (r"sites/[^/]+/releases/[^/]+/include/.*", "include/site/python3.11/<project>/"),
    (r"sites/[^/]+/releases/[^/]+/bin/.*", "bin/"),
    (r"sites/[^/]+/releases/[^/]+/share/.*", "share/"),
    (r"sites/[^/]+/releases/[^/]+/(.*)", r"\1"),
    (r"sites/[^/]+/revisions/\d+/(.*)", r"\1"),
    (r"sites/[^/]+/var/Data\.fs.*", "var/Data.fs"),
    (r"sites/[^/]+/var/blobs/.*", "var/blobs/"),
    (r"sites/[^/]+/var/cache/.*", "var/cache/"),
    (r"sites/[^/]+/var/upgrades/\d+/(.*)", r"var/upgrades/<n>/\1"),
    (r"sites/[^/]+/(.*)", r"\1"),
    (r"buildouts/\.[^/]+/.*", "buildouts/.<site>/"),
)


def kinds_of_files(root: Path) -> set[str]:
    """Return what the page calls the files below the folders that are made."""
    found = set()
    for place in ("pool", "indexes", "store", "sites"):
        for folder, _, names in os.walk(root / place):
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), root)
                found.add(_kind(path))
        found |= {
            _kind(str(path.relative_to(root)))
            for path in (root / place).rglob("*")
            if path.is_symlink()
        }
    return found


def _kind(path: str) -> str:
    for pattern, place in _KINDS:
        match = re.fullmatch(pattern, path)
        if match:
            return match.expand(place)
    return path
