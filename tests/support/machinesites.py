"""A site on one machine, and its databases on another.

``python -c "… make_database(…)"`` and ``… make_site(…)`` run on the machine, as its
user, and write what the recipes write there.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from support.machines import Network
from support.servedsites import INI, SUPERVISORD
from support.servedupgrades import APPLICATION
from support.sites import make_release
from support.upgrades import SITE_PACKAGES
from support.workshop import Notes
from support.zeodeclared import declare

from karl.recipe.evolve.declaration.model import (
    Address,
    Serving,
    SiteDeclaration,
    Timeouts,
)
from karl.recipe.evolve.installation import install as site_installation
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.sites import sitetools
from karl.recipe.release.sites.siteconfig import SiteConfig
from karl.recipe.zeoserver.installation import install as database_installation

STORAGE = "acme-prod"
CENTRAL = "/srv/karl/sites/zeo-central"
SITE = "/srv/karl/sites/acme-prod"
SOFTWARE = "/srv/software"
TLS = f"{CENTRAL}/etc/tls"
CLIENT_TLS = f"{SITE}/etc/tls"

#: What the buildout of the databases says of the storage.
OPTIONS = {
    "zeo-address": "192.0.2.10:8100",
    "zeo-address-b": "192.0.2.10:8101",
    "ssl-certificate": f"{TLS}/server/acme-prod.db1.example.org.pem",
    "ssl-key": f"{TLS}/server/acme-prod.db1.example.org.key",
    "ssl-authenticate": f"{TLS}/authority/acme-prod.pem",
    "client-folder": f"{SITE}/var/cache",
    "client-host": "db1.example.org",
    "client-wait-timeout": "10",
    "client-ssl-certificate": f"{CLIENT_TLS}/acme-prod.pem",
    "client-ssl-key": f"{CLIENT_TLS}/acme-prod.key",
    "client-ssl-authenticate": f"{CLIENT_TLS}/authority.pem",
}

#: What goes to the site's machine, and what it is called there.
CARRIED = {
    "client/acme-prod.pem": "acme-prod.pem",
    "client/acme-prod.key": "acme-prod.key",
    "authority/acme-prod.pem": "authority.pem",
}

#: It changes objects, makes a blob and changes one.
EVOLVE = '''\
import os
import time

from ZODB.blob import Blob


def evolve(root):
    """Number the things"""
    while os.path.exists("/srv/pause"):
        open("/srv/paused", "w").close()
        time.sleep(0.05)
    for name, thing in root.get("things", {}).items():
        if name.startswith("thing-"):
            thing["evolved"] = True
    root["summary"] = Blob(b"evolved")
    root["evolved"] = 1
'''
_INFO = "acme_site-1.0.dist-info"
_PORT = 8080


def make_database(root: str, options: str) -> None:
    """Write what the recipe of the databases does; its software is this Python's."""
    central = declare(root, **{STORAGE: json.loads(options)})
    database_installation.ensure(central, Notes())
    python = central.places.release_python
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -E -s "$@"\n')
    python.chmod(0o755)


def make_site(root: str, command: str) -> None:
    """Make the releases 1.0 and 1.1 of a site, and write what its recipes do.

    :param command: what reaches ``zeoctl``.
    """
    layout = SiteLayout(Path(root))
    for version, number in (("1.0", 0), ("1.1", 1)):
        folders = ["import sys; sys.dont_write_bytecode = True"]
        folders += [SOFTWARE, *SITE_PACKAGES]
        modules = {
            "acme/__init__.py": f"VERSION = {number}\n",
            "acme/evolve1.py": EVOLVE if number else "",
            f"{_INFO}/METADATA": "Metadata-Version: 2.1\nName: acme.site\n"
            "Version: 1.0\n",
            f"{_INFO}/entry_points.txt": "[karl.evolve]\nacme = acme\n",
            "sampleapp.py": f"RELEASE = {version!r}\n{APPLICATION}",
            "software.pth": "\n".join(folders) + "\n",
        }
        make_release(layout, version, modules=modules)
    sitetools.install(layout, SiteConfig(STORAGE))
    declare_site(root, command)
    layout.application_config.write_text(INI)


def declare_site(root: str, command: str, **timeouts: float) -> None:
    """Write what the recipe of a site's processes does."""
    times = {"start": 30.0, "stop": 5.0, "health": 10.0, **timeouts}
    declared = SiteDeclaration(
        root=root,
        name=STORAGE,
        storage=STORAGE,
        zeo_command=tuple(command.split()),
        serving=Serving(
            Address(host="127.0.0.1", port=_PORT),
            application=str(SiteLayout(Path(root)).application_config),
            supervisord=str(SUPERVISORD),
        ),
        timeouts=Timeouts(**times),
    )
    site_installation.ensure(declared, None, Notes())


#: What a database has before it is used.
_FILL = """
import sys, ZODB.config
from support.zeoservers import fill
db = ZODB.config.databaseFromString(sys.stdin.read())
fill(db, 200, blobs=2)
db.close()
"""

_CALL = """
import json, sys
from support import machinesites
getattr(machinesites, sys.argv[1])(*json.loads(sys.argv[2]), **json.loads(sys.argv[3]))
"""

_ASK = """
import http.client, sys
c = http.client.HTTPConnection("127.0.0.1", 8080, timeout=60)
c.request(*sys.argv[1:], headers={"Connection": "close"})
print(c.getresponse().status)
"""

#: Visitors: one that reads and one that writes, on the site's own machine.
VISITS = """
import http.client, json, sys, time
log = open(sys.argv[1], "a", buffering=1)
number = 0
while True:
    number += 1
    for method, path in (("GET", "/"), ("POST", f"/w{number}")):
        start, status = time.time(), 0
        try:
            c = http.client.HTTPConnection("127.0.0.1", 8080, timeout=60)
            c.request(method, path, headers={"Connection": "close"})
            status = c.getresponse().status
            c.close()
        except (OSError, http.client.HTTPException) as error:
            path = repr(error)
        told = [method, path, status, time.time() - start]
        log.write(json.dumps(told) + "\\n")
    time.sleep(0.02)
"""


@dataclass
class Visits:
    """What visitors did: method, path, status and seconds of each request."""

    log: Path

    def __call__(self) -> list[list[Any]]:
        """Return what they did so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@dataclass
class Pair:
    """The site ``acme-prod`` and its databases.

    :ivar command: what reaches ``zeoctl`` from the site's machine.
    """

    network: Network
    command: str = "ssh db1.example.org zeoctl"

    #: Of :meth:`facts`, before anything was done.
    BEFORE: ClassVar[Mapping[str, Any]] = {
        "live": 1, "mode": "writable", "staged": [], "served": [1], "doing": None,
        "site": "normal", "inhibited": None, "current": 1, "workers": {1},
        "prepared": [],
    }  # fmt: skip

    # Making them.

    def make_database(self, **changes: str) -> None:
        """Write what the databases' buildout does."""
        self.network.db.make_folder(CENTRAL, 0o755)
        self._call("db", "make_database", CENTRAL, json.dumps({**OPTIONS, **changes}))

    def make_site(self, software: Path) -> None:
        """Build what the site's buildout does.

        :param software: where gunicorn and PasteDeploy are unpacked.
        """
        web = self.network.web
        shutil.copytree(software, web.outside(SOFTWARE))
        web.run(["chown", "-R", f"{web.uid}:{web.uid}", SOFTWARE], user="root")
        web.make_folder(SITE, 0o755)
        web.make_folder(f"{SITE}/etc", 0o755)
        self._call("web", "make_site", SITE, self.command)

    def declare_site(self, command: str = "", **timeouts: float) -> None:
        """Declare something else of the site."""
        self._call("web", "declare_site", SITE, command or self.command, **timeouts)

    def _call(self, where: str, name: str, *words: str, **more: Any) -> None:
        machine = getattr(self.network, where)
        machine.python(_CALL, name, json.dumps(words), json.dumps(more))

    def carry_certificates(self) -> None:
        """Do what an administrator does: bring the client's files over."""
        db, web = self.network.db, self.network.web
        web.make_folder(CLIENT_TLS)
        for source, name in CARRIED.items():
            text = db.outside(f"{TLS}/{source}").read_text()
            web.write(f"{CLIENT_TLS}/{name}", text, 0o600)

    def fill(self) -> None:
        """Put objects and blobs into the database, from the site's machine."""
        web = self.network.web
        web.make_folder(f"{SITE}/var/cache")
        conf = self.zeoctl("client-conf", STORAGE)["zodb_conf"]
        web.python(_FILL, input=conf)

    # Commands.

    def zeoctl(self, *words: str, code: int = 0) -> Any:
        """Run ``zeoctl`` on its own machine; return what it tells of the storage."""
        # Which the machine, where this module is run too, has not.
        from support.schemas import validated

        line = [f"{CENTRAL}/bin/zeoctl", *words, "--json", "--quiet"]
        text = self.network.db.run(line, code=code)
        (found,) = validated("zeoctl", words, text)
        return found["storages"][STORAGE] if "storages" in found else found

    def site(self, name: str, *words: str, code: int | None = 0) -> Any:
        """Run a command of the site on its machine; return its answer."""
        from support.schemas import validated

        line = [f"{SITE}/bin/{name}", *words, "--json", "--quiet"]
        text = self.network.web.run(line, code=code, timeout=600)
        (found,) = validated(name, words, text)
        return found

    def evolve(self, *words: str, code: int | None = 0) -> Any:
        """Run ``evolve``; return its answer."""
        return self.site("evolve", *words, code=code)

    def ask(self, path: str, method: str = "GET") -> int:
        """Return the status with which the site answers."""
        return int(self.network.web.python(_ASK, method, path))

    # What must be true.

    def facts(self) -> dict[str, Any]:
        """Return all that production is."""
        found, told = self.zeoctl("status", STORAGE), self.site("site", "status")
        revisions = self.site("switch-version", "--list")
        mode = told["mode"]
        return {
            "live": found["live"]["number"],
            "mode": found["live"]["mode"],
            "staged": found["staged"],
            "served": [server["number"] for server in found["servers"]],
            "doing": found["doing"],
            "site": mode["mode"] if isinstance(mode, dict) else mode,
            "inhibited": told["inhibited"],
            "current": revisions["current"],
            "workers": {worker["revision"] for worker in told["workers"]},
            "prepared": [
                row["number"] for row in revisions["revisions"] if not row["was_live"]
            ],
        }

    @contextlib.contextmanager
    def visited(self) -> Iterator[Visits]:
        """Have visitors on the site's machine while the body runs."""
        web = self.network.web
        log = "/srv/visits"
        web.shell(f"rm -f {log}")
        child = web.begin([sys.executable, "-c", VISITS, log])
        try:
            yield Visits(web.outside(log))
        finally:
            assert child.poll() is None, child.communicate()
            web.kill(log)
            child.communicate()

    def read(self, code: str) -> Any:
        """Evaluate an expression of ``root`` on the live database, as the site can."""
        text = (
            "import json, sys, ZODB.config\n"
            f"db = ZODB.config.databaseFromURL('{SITE}/current/zodb.conf')\n"
            "root = db.open().root()\n"
            f"print(json.dumps({code}))\n"
            "db.close()\n"
        )
        return json.loads(self.network.web.python(text))
