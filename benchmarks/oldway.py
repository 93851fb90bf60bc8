"""The way that sites were upgraded: stop, copy, evolve, start."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.databases import Database
from benchmarks.programs import output
from benchmarks.readonly import ByRestart
from benchmarks.sites import NEW, Server, Site

_CONF = """\
%import ZEO
<zodb main>
  <zeoclient>
    server {host}:{port}
    storage {name}
    blob-dir {blobs}
    shared-blob-dir true
  </zeoclient>
</zodb>
"""


@dataclass(frozen=True)
class Downtime:
    """An upgrade in which the site answered nothing.

    :ivar seconds: from the beginning of its stop until it answered again.
    :ivar copying: seconds of it, of the copy that one can go back to.
    """

    seconds: float
    copying: float


@dataclass
class OldWay:
    """A site whose database runzeo serves.

    :ivar folder: of the database, and of the copies that are made of it.
    """

    site: Site
    database: Database
    folder: Path
    _server: ByRestart = field(init=False)
    _count: int = 0

    def __post_init__(self) -> None:
        self._server = ByRestart(self.database, self.folder, self.site.home)

    def begin(self, store: Path, server: Server) -> None:
        """Build the site, and serve the old release."""
        self.site.build(store, server)
        self._server.start(read_only=False)
        host, port = self._server.address
        conf = _CONF.format(
            host=host,
            port=port,
            name=self._server.storage_name,
            blobs=self.database.blobs,
        )
        self.site.begin(conf, "bench")

    def end(self) -> None:
        """Stop everything."""
        self.site.run("site", "stop")
        self._server.stop()

    def upgrade(self) -> Downtime:
        """Upgrade it.

        What need not be done while it stands still is done before: the new release is
        checked, and its revision written.
        """
        revision = self.site.run("switch-version", "--prepare", NEW)["revision"]
        start = time.perf_counter()
        self.site.run("site", "stop")
        self._server.stop()
        copying = self._copy()
        self._evolve()
        self._server.start(read_only=False)
        self.site.run("switch-version", "--activate", str(revision))
        self.site.run("site", "start")
        self.site.read("/people")
        return Downtime(time.perf_counter() - start, copying)

    def go_back(self) -> None:
        """Serve the old release, and what was copied, again."""
        self.end()
        # Nothing is removed before the end.
        used = self.folder / f"used-{self._count}"
        used.mkdir()
        for path in list(self._copied.iterdir()):
            place = self.folder / path.name
            place.rename(used / path.name)
            path.rename(place)
        self._server.start(read_only=False)
        self.site.run("switch-version", "--rollback")
        self.site.run("site", "start")

    @property
    def _copied(self) -> Path:
        return self.folder / f"before-{self._count}"

    def _copy(self) -> float:
        start = time.perf_counter()
        self._count += 1
        self._copied.mkdir()
        found = self.database
        output(
            ["cp", "-a", found.data, found.index, found.blobs, self._copied],
            home=self.site.home,
        )
        return time.perf_counter() - start

    def _evolve(self) -> None:
        found = self.database
        self.site.evolve_run(
            NEW, "--evolve", "--data", str(found.data), "--blobs", str(found.blobs)
        )
