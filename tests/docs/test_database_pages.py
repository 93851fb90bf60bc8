"""What the pages about moving and restoring databases tell to type, is typed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import sites
from support.zeoservers import Box, database, eventually, fill, put

from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.databases.state import Status

RESTORE = "docs/how-to/restore-after-a-disaster.md"
MOVE = "docs/how-to/move-a-database-here.md"

#: Commands that need root, the checkout or a person; other tests build and start
#: what they build and start.
NOT_HERE = {
    "sudo -iu karl",
    "cd /srv/karl/sites/zeo-central",
    "bin/buildout -c buildouts/zeo-central.cfg",
    "cd sites/zeo-central",
    "sudo systemctl link /srv/karl/sites/zeo-central/etc/systemd/*",
    "sudo systemctl enable --now /srv/karl/sites/zeo-central/etc/systemd/*.timer",
}


class Scene:
    """A database server and a site beside it, as the pages have them."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="z", dir="/tmp"))
        self.box = Box("acme-prod", root=self._made("zeo-central"))
        self.places = self.box.storage_places("acme-prod")
        self.site = sites.build_site(self.folder / "acme-prod")
        self.said: dict[str, str] = {}
        #: What stands on the page, and what it is here.
        self.instead = {
            "/tmp/": f"{self.folder}/",
            "../acme-prod/current/release/bin/python": sys.executable,
            "backup.example.org:/backup": str(self.folder / "elsewhere"),
        }
        self.type("../acme-prod/bin/switch-version 1.0")

    def _made(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir()
        return path

    def type(self, command: str) -> str:
        """Run a line in the server's folder as a person types it."""
        line = command
        for told, real in self.instead.items():
            line = line.replace(told, real)
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.box.root, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        told = f"$ {line}\n{done.stdout}{done.stderr}"
        assert done.returncode == 0, told
        self.said[command] = done.stdout + done.stderr
        return self.said[command]

    def live(self) -> int:
        """Return the number of the live copy."""
        live = self.box.state("acme-prod").live
        assert live
        return live.number

    def end(self) -> None:
        """End everything and remove it."""
        self.box.end()
        for path in [self.folder, *self.folder.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(self.folder)


@pytest.fixture
def scene() -> Iterator[Scene]:
    """Give a scene without a database."""
    made = Scene()
    try:
        yield made
    finally:
        made.end()


def served(scene: Scene) -> None:
    """Have the live copy 1, with something in it, and a backup of it."""
    scene.type("bin/zeoctl init acme-prod")
    scene.type("bin/zeoctl start acme-prod")
    with scene.box.client("acme-prod") as db:
        fill(db, objects=20, blobs=2)
    scene.type("bin/zeoctl backup acme-prod")


def _deleted(scene: Scene) -> None:
    served(scene)
    # Of local time, as on the page, and to the millisecond.
    moment = time.time()
    part = f"{moment % 1:.3f}"[1:]
    then = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(moment)) + part
    scene.instead["2026-11-23T09:30"] = then
    time.sleep(0.01)
    with scene.box.client("acme-prod") as db, db.transaction() as connection:
        del connection.root()["things"]


def _damaged(scene: Scene) -> None:
    served(scene)
    scene.type("bin/zeoctl stop acme-prod")
    data = scene.places.copy(1).data
    with data.open("r+b") as stream:
        stream.write(b"not a database")
    scene.places.copy(1).index.unlink(missing_ok=True)
    assert scene.box.run("start", "acme-prod").returncode != 0


def _gone(scene: Scene) -> None:
    served(scene)
    scene.type("bin/zeoctl stop --all --supervisor")
    elsewhere = scene.folder / "elsewhere" / "acme-prod"
    shutil.copytree(scene.places.repository.root, elsewhere)
    shutil.rmtree(scene.places.root)
    scene.places.repository.root.mkdir(parents=True)


def _full(scene: Scene) -> None:
    served(scene)
    scene.type("bin/zeoctl pack acme-prod --days 0")
    assert scene.places.copy(1).before_pack.exists()
    scene.type("bin/zeoctl restore acme-prod --to-new-copy")
    scene.type("bin/zeoctl retire acme-prod 2")


def _killed(scene: Scene) -> None:
    served(scene)
    for pid in scene.box.pids():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
    eventually(lambda: not scene.box.pids())
    (scene.places.databases / ".partial-2-0").mkdir()


def _wrong(scene: Scene) -> None:
    served(scene)
    scene.type("bin/zeoctl restore acme-prod --to-new-copy")
    scene.type("bin/zeoctl serve acme-prod 2")
    scene.type("bin/zeoctl adopt acme-prod 2")
    with scene.box.client("acme-prod") as db:
        put(db, "wrong", value=True)


def _to_be_told(scene: Scene) -> None:
    served(scene)
    scene.type("bin/zeoctl restore acme-prod --to-new-copy")
    scene.type("bin/zeoctl serve acme-prod 2")
    scene.type("bin/zeoctl adopt acme-prod 2")


def _has_things(scene: Scene, number: int) -> None:
    assert scene.live() == number
    with scene.box.client("acme-prod") as db, db.transaction() as connection:
        assert len(connection.root()["things"]) == 22
        connection.root()["writable"] = True


def _all_back(scene: Scene) -> None:
    _has_things(scene, 2)
    assert scene.box.state("acme-prod").copy(1).status is Status.RETIRED


def _new_one_works(scene: Scene) -> None:
    _has_things(scene, 2)


def _old_one_works(scene: Scene) -> None:
    _has_things(scene, 1)


def _room(scene: Scene) -> None:
    _has_things(scene, 1)
    assert 2 not in scene.box.state("acme-prod").copies


def _told(scene: Scene) -> None:
    assert "acme-prod-2" in (scene.folder / "acme-prod/current/zodb.conf").read_text()


#: What happened before each case of the page, and what is looked at after it.
CASES: dict[str, tuple[Callable[[Scene], None], Callable[[Scene], None]]] = {
    "1. Somebody deleted something": (_deleted, _all_back),
    "2. Data.fs is damaged": (_damaged, _new_one_works),
    "3. The machine is gone": (_gone, _new_one_works),
    "4. The disk is full": (_full, _room),
    "5. A command was killed": (_killed, _old_one_works),
    "6. Go back": (_wrong, _old_one_works),
    "Tell the site": (_to_be_told, _told),
}


def commands(block: str) -> list[tuple[str, list[str]]]:
    """Return each command of a block with the lines that are shown below it."""
    found: list[tuple[str, list[str]]] = []
    for line in re.sub(r"\\\n *", "", block).splitlines():
        if line.strip().startswith("$ "):
            found.append((line.strip()[2:], []))
        elif line.strip():
            found[-1][1].append(line.strip())
    return found


def blocks(text: str, language: str) -> list[str]:
    """Return the blocks of code of *language* in *text*."""
    fence = rf"^ *```{language}\n(.*?)^ *```$"
    return re.findall(fence, text, re.MULTILINE | re.DOTALL)


def plain(line: str) -> str:
    """Return a line without what is different each time: times, sizes, places."""
    line = re.sub(r"\b[0-9a-f]{16}\b", "#", line)
    line = re.sub(r"(/srv/karl/sites|/tmp/z\w+|/dev)/", "/", line)
    return re.sub(r"\s+", " ", re.sub(r"\d[\d.:T-]*", "#", line)).strip()


def type_all(scene: Scene, text: str) -> None:
    """Type every command of a text, and see that the lines below it are printed."""
    for block in blocks(text, "console"):
        for command, shown in commands(block):
            printed = [plain(line) for line in scene.type(command).splitlines()]
            for line in shown:
                start, more, _ = plain(line).partition("…")
                assert any(
                    each.startswith(start.rstrip()) if more else each == start
                    for each in printed
                ), (line, printed)


def test_the_page_has_these_cases_and_no_other(page):
    """Each numbered case of the page, and what all of them end with, is typed here."""
    titles = re.findall(r"^## (.+)$", page(RESTORE).text, re.MULTILINE)
    assert titles == list(CASES)


@pytest.mark.parametrize("name", [RESTORE, MOVE])
def test_what_is_not_typed_here_needs_root_or_the_checkout(page, name):
    """Blocks of shell hold nothing but commands that cannot be run in a test."""
    told = {
        line
        for block in page(name).blocks("sh")
        for line in block.splitlines()
        if not line.startswith("bin/zeoctl status")
    }
    assert told <= NOT_HERE


@pytest.mark.slow
@pytest.mark.parametrize("title", CASES)
def test_a_tired_person_is_led_out_of_the_disaster(page, scene, title):
    """Every command of a case works in its order, and then the site has its data."""
    prepare, look = CASES[title]
    text = page(RESTORE).section(title)
    programs = [textwrap.dedent(code) for code in blocks(text, "python")]
    for name, code in zip(("look.py", "bring.py"), programs, strict=bool(programs)):
        (scene.box.root / name).write_text(code.replace("/tmp/", f"{scene.folder}/"))
    prepare(scene)
    before = databases(scene)
    type_all(scene, text)
    look(scene)
    if title != "4. The disk is full":
        assert before <= databases(scene), "a database went away"


def databases(scene: Scene) -> set[str]:
    """Return the database copies that are on the disk."""
    return {path.parent.name for path in scene.places.databases.glob("[0-9]*/Data.fs")}


@pytest.mark.slow
def test_a_database_moves_here(page, scene):
    """The commands of the page move it, and lead back; the old files stay."""
    old = scene.folder / "acme-prod" / "var"
    with database(old / "Data.fs", old / "blobs") as db:
        fill(db, objects=20, blobs=2)
    kept = (old / "Data.fs").read_bytes()
    text, again = page(MOVE).text.split("## If it goes wrong")
    type_all(scene, text)
    _has_things(scene, 1)
    type_all(scene, again)
    assert states.load(scene.places).copy(1).read_only
    assert (old / "Data.fs").read_bytes() == kept
