"""What the pages about moving and restoring databases tell to type, is typed."""

from __future__ import annotations

import configparser
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import ZODB.config
from support import sites
from support.typedpages import blocks, check_shown, commands
from support.waiting import eventually
from support.zeoservers import Box, database, fill, put
from ZEO.Exceptions import ClientDisconnected

from karl.recipe.zeoserver.databases import state as states
from karl.recipe.zeoserver.databases.state import Status
from karl.recipe.zeoserver.declaration import options

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
        line = self.here(command)
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.box.root, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        told = f"$ {line}\n{done.stdout}{done.stderr}"
        assert done.returncode == 0, told
        self.said[command] = done.stdout + done.stderr
        return self.said[command]

    def here(self, text: str) -> str:
        """Return what stands on the page as it is here."""
        for told, real in self.instead.items():
            text = text.replace(told, real)
        return text

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
    done = scene.box.run("start", "acme-prod", "--timeout", "1")
    assert done.returncode != 0


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


def type_all(scene: Scene, text: str) -> None:
    """Type every command of a text, and see that the lines below it are printed."""
    for block in blocks(text, "console"):
        for command, shown in commands(block):
            check_shown([scene.here(line) for line in shown], scene.type(command))


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


@pytest.mark.slow
def test_new_software_and_new_data_go_live_together(page, scene):
    """The protocol of the page works as it stands, and leads back after it, too."""
    served(scene)
    text = page("docs/explanation/databases.md").section(
        "How new software and new data go live together"
    )
    numbers = {"42": "1", "43": "2", "44": "3"}
    rows = [row.split("|") for row in text.splitlines() if re.match(r"\| \d", row)]
    assert len(rows) == 10
    for _, step, cell, *_ in rows:
        if step.strip() == "6":
            copy = scene.places.copy(3)
            with database(copy.data, copy.blobs) as db:
                put(db, "evolved", value=True)
        if step.strip() == "10":
            scene.type("bin/zeoctl adopt acme-prod 1")
            scene.type("bin/zeoctl adopt acme-prod 3")
        for command in re.findall(r"`zeoctl ([^`]+)`", cell):
            typed = re.sub(r"4\d", lambda found: numbers[found[0]], command)
            scene.type(f"bin/zeoctl {typed}")
    _has_things(scene, 3)
    with scene.box.client("acme-prod") as db, db.transaction() as connection:
        assert connection.root()["evolved"]


@pytest.mark.slow
def test_backups_are_made_tried_and_watched(page, scene):
    """The commands of the page work, and its check finds nothing, or what there is."""
    served(scene)
    text = page("docs/how-to/backups.md")
    type_all(scene, text.text)
    link = scene.box.root / "current/release/bin"
    link.mkdir(parents=True)
    (link / "python").symlink_to(sys.executable)
    drill, check = (b for b in text.blocks("sh") if b.startswith("bin/zeoctl"))
    scene.type(drill)
    assert scene.type(check) == "all is well\n"
    scene.type("bin/zeoctl stop acme-prod")
    with pytest.raises(AssertionError, match="does not run"):
        scene.type(check)


@pytest.mark.slow
def test_the_database_can_be_had_with_repozo_and_cp_alone(page, scene):
    """The commands of the page give the database without anything of ours."""
    served(scene)
    for command in page("docs/reference/files-on-disk.md").blocks("sh"):
        (chain,) = scene.places.repository.root.glob("[0-9]*")
        scene.instead["2026-11-22-01-30-00"] = chain.name
        scene.instead["repozo"] = f"{Path(sys.executable).parent}/repozo"
        scene.type(command)
    rescued = scene.folder / "rescue"
    with (
        database(rescued / "Data.fs", rescued / "blobs") as db,
        db.transaction() as connection,
    ):
        things = connection.root()["things"]
        assert len(things) == 22
        with things["blob-0-0"].open() as stream:
            assert stream.read().endswith(b"blob")


@pytest.mark.slow
def test_two_machines_are_connected(page, scene):
    """Certificates are made as the page tells, the options are read, and it works."""
    text = page("docs/how-to/tls.md")
    served(scene)
    scene.instead |= {
        "acme-prod.db1.example.org db1.example.org 192.0.2.10": "localhost 127.0.0.1",
        "acme-prod.db1.example.org": "localhost",
        "192.0.2.10": "127.0.0.1",
    }
    made, restart = text.blocks("console")
    type_all(scene, f"```console\n{made}```")
    _declare(scene, text.blocks("ini")[0])
    type_all(scene, f"```console\n{restart}```")
    _has_things(scene, 1)
    with pytest.raises(ClientDisconnected):
        _connect_without(scene)
    renewing = text.blocks("sh")[-1].splitlines()
    for command in renewing:
        scene.type(command)
    _has_things(scene, 1)


def _declare(scene: Scene, text: str) -> None:
    """Declare the storage as *text* does, with free ports, here."""
    for port in ("8100", "8101"):
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            text = text.replace(port, str(found.getsockname()[1]))
    tls = scene.box.root / "etc/tls"
    for told, real in (
        ("/srv/karl/sites/zeo-central", str(scene.box.root)),
        ("acme-prod.db1.example.org", "localhost"),
        ("db1.example.org", "localhost"),
        ("192.0.2.10", "127.0.0.1"),
        ("/srv/acme/tls/acme-prod", str(tls / "client/acme-prod")),
        ("/srv/acme/tls/authority", str(tls / "authority/acme-prod")),
        ("/srv/acme/cache", str(scene.box.root / "client")),
    ):
        text = text.replace(told, real)
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    part = {"storages": "acme-prod", "root": str(scene.box.root)}
    buildout = {
        "buildout": {"directory": str(scene.folder)},
        "acme-prod": dict(parser["acme-prod"]),
    }
    scene.box.central = options.read(buildout, "zeo", part)
    scene.box.write()


def _connect_without(scene: Scene) -> None:
    """Connect without a certificate; raises what a client then raises."""
    conf = scene.box.client_conf("acme-prod", wait_timeout=1)
    plain_conf = re.sub(r"(?s)<ssl>.*</ssl>", "", conf)
    ZODB.config.databaseFromString(plain_conf).close()
