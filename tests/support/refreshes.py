"""A staging site that gets the data of a production site, with real servers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from support.upgrades import SCRIPT, SITE_PACKAGES, Site
from support.zeoservers import SOURCES, Box, get, put

from karl.recipe.evolve.declaration.model import Command, Refresh

#: What nobody may see in staging: it is in the root, and in a blob.
SECRET = "alice@example.org"

#: The function of each release that makes it fit to be seen.
SCRUB = '''
def scrub(root):
    """Replace the mail address, wherever it is; staging's data are evolved by now."""
    assert root["evolved"] == 1
    root["mail"] = "someone@example.org"
    with root["letter"].open("w") as stream:
        stream.write(b"Dear Someone")


def failing(root):
    scrub(root)
    raise ValueError("no such profile")
'''

FUNCTION: Command = ("acme.scrubbing:scrub",)

#: Notes whether the copy is served or withheld, and works on its files.
LOOKING = f"""
import json, os, pathlib, shutil, sys
sys.path[:0] = {SITE_PACKAGES!r}
import ZODB.config
folder = pathlib.Path(os.environ["ZODB_CONF"]).read_text().split("path ")[1].split()[0]
state = json.loads((pathlib.Path(folder).parents[2] / "state.json").read_text())
with open(os.environ["ZODB_CONF"]) as stream:
    db = ZODB.config.databaseFromFile(stream)
with db.transaction() as connection:
    mail = connection.root()["mail"]
    connection.root()["looked"] = True
db.close()
known = dict((name, os.environ[name]) for name in ("SITE", "COPY", "PYTHON"))
print(json.dumps(dict(state=state, mail=mail, **known)), file=open(sys.argv[1], "w"))
"""


class Production(Site):
    """The site whose data are brought: release 1.0, never evolved."""

    storage = "live"
    folder = "p"

    def __init__(self, box: Box) -> None:
        super().__init__(box)
        self.write(SECRET)
        self.zeoctl("backup", self.storage)

    def write(self, mail: str) -> str:
        """Commit an address, and a blob that has it; return the transaction."""
        from ZODB.blob import Blob

        with self.box.client(self.storage) as db:
            put(db, "letter", Blob(f"Dear {mail}".encode()))
            return put(db, "mail", mail)


class Staging(Site):
    """The site that gets them: release 1.1."""

    def __init__(self, box: Box) -> None:
        super().__init__(box)
        self.put("staging's own")
        self.switch("1.1")
        self.site("restart")

    def _make(self, version: str, modules: dict[str, str]) -> None:
        super()._make(version, {**modules, "acme/scrubbing.py": SCRUB})

    def _write_commands(self) -> None:
        super()._write_commands()
        self.scrub(FUNCTION)
        path = self.layout.bin / "refresh-staging"
        body = (
            "from karl.recipe.evolve.upgrade.refreshing import main\n"
            f"sys.exit(main({str(self.root)!r}))"
        )
        text = SCRIPT.format(
            python=sys.executable, where=":0", sources=SOURCES, body=body
        )
        path.write_text(text)
        path.chmod(0o755)

    def scrub(self, *commands: Command, **changes: Any) -> None:
        """Declare what scrubs."""
        self.declare(refresh=Refresh(Production.storage, commands), **changes)

    def refresh(self, *words: str, code: int = 0) -> Any:
        """Run ``refresh-staging`` as a process; return its answer."""
        return self._json("refresh-staging", *words, code=code)

    def looking(self) -> tuple[Command, Path]:
        """Return a command that looks at what is there while it scrubs, and where."""
        script, seen = self.root / "look.py", self.root / "seen.json"
        script.write_text(LOOKING)
        return (sys.executable, str(script), str(seen)), seen

    def check_refreshed(self) -> int:
        """Assert that production's data are live here, scrubbed; return the copy."""
        found = self.facts()
        number = int(found["live"])
        assert (found["mode"], found["site"]) == ("writable", "normal")
        assert found["inhibited"] is None
        assert (found["served"], found["prepared"]) == ([number], [])
        assert found["workers"] == {found["current"]}
        with self.box.client(self.storage) as db:
            assert get(db, "mail") == "someone@example.org"
            assert get(db, "evolved") == 1
            assert get(db, "written") is None
        assert self.secrets() == []
        assert not self.box.state(self.storage).copy(number).withheld
        return number

    def secrets(self) -> list[Path]:
        """Return the files of staging's storage that have what nobody may see."""
        root = self.box.storage_places(self.storage).root
        return [
            path
            for path in root.rglob("*")
            if path.is_file() and SECRET.encode() in path.read_bytes()
        ]


def storage_files(box: Box, name: str) -> dict[str, Any]:
    """Return what would tell a change of a storage's files, but that of one lock."""
    found = {}
    for path in sorted(box.storage_places(name).root.rglob("*")):
        if path.is_file() and path.name != ".in-use":
            status = path.stat()
            kept = (status.st_ino, status.st_nlink, status.st_mode, status.st_mtime_ns)
            found[str(path)] = (path.read_bytes(), *kept)
    return found


def site_files(site: Site) -> dict[str, bytes]:
    """Return all files of a site."""
    return {
        str(path): path.read_bytes()
        for path in sorted(site.root.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def served(site: Site) -> set[int]:
    """Return the copies that were ever served, by the journal of the storage."""
    return {each["number"] for each in journal(site) if each.get("step") == "serve"}


def journal(site: Site) -> list[dict[str, Any]]:
    """Return the journal of the storage of a site."""
    path = site.box.storage_places(site.storage).journal
    return [json.loads(line) for line in path.read_text().splitlines()]
