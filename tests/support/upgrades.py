"""A site to upgrade: real database servers, revisions and evolve steps.

Of the site's own processes there is a stand-in, which keeps what it was told.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import faults
from support.sites import make_release
from support.zeofaults import quick
from support.zeoservers import SOURCES, Box, fill, get, put

from karl.recipe.evolve.declaration.model import (
    Address,
    Serving,
    SiteDeclaration,
    Timeouts,
)
from karl.recipe.evolve.upgrade import command
from karl.recipe.evolve.upgrade.places import Places
from karl.recipe.release.base.journal import Journal
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.reporter import SilentReporter
from karl.recipe.release.sites import sitetools
from karl.recipe.release.sites.siteconfig import SiteConfig
from karl.recipe.zeoserver.servers import supervisor

STORAGE = "acme"
STAND_IN = Path(__file__).with_name("sitestandin.py")

SITE_PACKAGES = [path for path in sys.path if path.endswith("site-packages")]

SCRIPT = """\
#!{python}
import sys
sys.path[{where}] = {sources!r}
{body}
"""
_BODIES = {
    "evolve": (
        "from karl.recipe.evolve.upgrade.command import main\nsys.exit(main({root!r}))"
    ),
    "site": "import runpy\nsys.argv.insert(1, {root!r})\n"
    "runpy.run_path({stand_in!r}, run_name='__main__')",
    "evolve-run": (
        "from karl.recipe.evolve.running.command import main\nsys.exit(main())"
    ),
}

EVOLVE = """\
def evolve(root):
    \"\"\"Number the things\"\"\"
    root["evolved"] = {number}
"""
FAILING = "def evolve(root):\n    raise ValueError('the data are odd')\n"


class Site:
    """A site with release 1.0 live on copy 1, and 1.1 and 1.2 built.

    1.1 evolves the data, 1.2 as 1.1; 2.0 fails to.

    :param box: its database server.
    :param new: it has an empty database, and no live release yet.
    :cvar storage: what zeoctl calls its database.
    :cvar folder: its root, below that of the database server.
    """

    storage = STORAGE
    folder = "s"

    def __init__(self, box: Box, *, new: bool = False) -> None:
        self.box = box
        self.root = box.root / self.folder
        self.layout = SiteLayout(self.root)
        self.places = Places(self.root)
        supervisor.start(box.central, SilentReporter())
        quick(box, "init", self.storage)
        self._write()
        if new:
            return
        with box.client(self.storage) as db:
            fill(db, 20, blobs=2)
        self.switch("1.0")
        self.site("start")

    def _write(self) -> None:
        for version, number, step in (
            ("1.0", 0, ""), ("1.1", 1, EVOLVE), ("1.2", 1, EVOLVE), ("2.0", 1, FAILING),
        ):  # fmt: skip
            self.add_release(version, number, step.format(number=1))
        conf = self.zeoctl("client-conf", self.storage)
        config = SiteConfig("acme-prod", conf["zodb_conf"], conf["database"])
        sitetools.install(self.layout, config)
        self._write_commands()

    def add_release(self, version: str, number: int, step: str) -> None:
        """Make a release.

        :param number: its software version.
        :param step: the text of its first evolve step.
        """
        info = "acme_site-1.0.dist-info"
        self._make(
            version,
            {
                "acme/__init__.py": f"VERSION = {number}\n",
                "acme/evolve1.py": step,
                f"{info}/METADATA": "Metadata-Version: 2.1\nName: acme.site\n"
                "Version: 1.0\n",
                f"{info}/entry_points.txt": "[karl.evolve]\nacme = acme\n",
            },
        )

    def _make(self, version: str, modules: dict[str, str]) -> None:
        make_release(self.layout, version, modules=modules)

    def _write_commands(self) -> None:
        self.declare()
        for name, body in _BODIES.items():
            path = self.layout.bin / name
            places = SOURCES if name != "evolve-run" else [*SOURCES, *SITE_PACKAGES]
            path.write_text(
                SCRIPT.format(
                    python=sys.executable,
                    where=":0" if name != "evolve-run" else "len(sys.path):",
                    sources=places,
                    body=body.format(root=str(self.root), stand_in=str(STAND_IN)),
                )
            )
            path.chmod(0o755)

    def declare(self, **changes: Any) -> SiteDeclaration:
        """Write ``etc/upgrade.json``, with changes of the declaration."""
        timeouts = changes.pop("timeouts", {})
        declared = SiteDeclaration(
            **{
                "root": str(self.root),
                "name": "acme-prod",
                "storage": self.storage,
                "zeo_command": (str(self.box.places.zeoctl),),
                "serving": Serving(Address(path=str(self.root / "site.sock"))),
                "timeouts": Timeouts(**timeouts),
                **changes,
            }
        )
        self.layout.etc.mkdir(parents=True, exist_ok=True)
        (self.layout.etc / "upgrade.json").write_text(declared.to_text())
        return declared

    # Commands.

    def zeoctl(self, *words: str, code: int = 0) -> Any:
        """Run ``zeoctl``; return the result for the storage."""
        return quick(self.box, *words, code=code)["storages"][self.storage]

    def switch(self, *words: str) -> Any:
        """Run ``switch-version``; return its answer."""
        return self._json("switch-version", *words)

    def site(self, *words: str, code: int = 0) -> Any:
        """Run the stand-in of ``site``; return its answer."""
        return self._json("site", *words, code=code)

    def evolve(self, *words: str, code: int = 0) -> Any:
        """Run ``evolve`` as a process; return its answer."""
        return self._json("evolve", *words, code=code)

    def _json(self, name: str, *words: str, code: int = 0) -> Any:
        done = subprocess.run(
            [self.layout.bin / name, *words, "--json", "--quiet"],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == code, f"{done.args}: {done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    def stand_in(self, **told: Any) -> None:
        """Tell the stand-in of ``site`` how to behave from now on."""
        path = self.root / "standin.json"
        found = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**found, **told}))

    # What must be true.

    def facts(self) -> dict[str, Any]:
        """Return all that production is."""
        found = self.zeoctl("status", self.storage)
        told = self.site("status")
        mode = told["mode"]
        revisions = self.switch("--list")
        return {
            "live": found["live"]["number"],
            "mode": found["live"]["mode"],
            "tid": found["live"]["tid"],
            "staged": found["staged"],
            "served": [server["number"] for server in found["servers"]],
            "site": mode["mode"] if isinstance(mode, dict) else mode,
            "inhibited": told["inhibited"],
            "current": revisions["current"],
            "workers": {worker["revision"] for worker in told["workers"]},
            "prepared": [
                row["number"] for row in revisions["revisions"] if not row["was_live"]
            ],
        }

    def data(self, number: int) -> bytes:
        """Return every byte of a copy's Data.fs."""
        places = self.box.storage_places(self.storage)
        return places.copy(number).data.read_bytes()

    def root_of(self, number: int | None = None) -> dict[str, Any]:
        """Return what the database says of itself."""
        with self.box.client(self.storage, number) as db:
            return {name: get(db, name) for name in ("evolved", "written")}

    def put(self, value: Any) -> None:
        """Write to the live database."""
        with self.box.client(self.storage) as db:
            put(db, "written", value)

    def check_new(self, copy: int, revision: int) -> None:
        """Assert that the new release is live on evolved data, and nothing is left."""
        found = self.facts()
        assert found["live"] == copy
        assert (found["mode"], found["site"]) == ("writable", "normal")
        assert (found["current"], found["workers"]) == (revision, {revision})
        assert found["inhibited"] is None
        assert found["served"] == [copy]
        assert self.root_of()["evolved"] == 1


def killed(
    site: Site,
    number: int,
    moment: str,
    *words: str,
    main: Callable[..., int] = command.main,
) -> bool:
    """Run ``evolve``, killed at an entry of its journal; tell whether it came to that.

    :param number: which entry.
    :param moment: ``before`` it is written, or ``after``.
    :param main: another command than ``evolve``.
    """

    def body() -> None:
        with killing(number, moment):
            main(str(site.root), [*words, "--quiet"])

    return faults.killed(body, silent=True)


@contextmanager
def killing(number: int, moment: str) -> Iterator[None]:
    """Kill this process at an entry of a journal of runs."""
    original: Callable[..., None] = Journal.append
    left = number

    def append(self: Journal, event: str, **details: Any) -> None:
        nonlocal left
        ours = "upgrades" in self.path.parts
        left -= ours
        if ours and left == 0 and moment == "before":
            faults.die()
        original(self, event, **details)
        if ours and left == 0:
            faults.die()

    Journal.append = append  # type: ignore[method-assign]
    try:
        yield
    finally:
        Journal.append = original  # type: ignore[method-assign]
