"""Sites to upgrade: one that evolve upgrades, one that is upgraded the old way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import filling
from benchmarks.databases import Database
from benchmarks.oldway import OldWay
from benchmarks.sites import NEW, OLD, Server, Site, new_site
from benchmarks.sizes import DatabaseSize
from benchmarks.tails import Tail
from benchmarks.workshop import Workshop

#: Commits the tail, with the old release: pages, and files with blobs; visitors
#: change profiles.
_TAIL = """\
import io, sys
from pathlib import Path
import transaction
from karl.intranet.content import StoredFile, site_of
from karl.intranet.database import opened
transactions, objects, blobs = map(int, sys.argv[2:])
with opened(Path(sys.argv[1])) as database:
    manager = transaction.TransactionManager()
    connection = database.open(manager)
    site = site_of(connection.root())
    community = next(iter(site["communities"].values()))
    pages, files = list(community["wiki"].values()), community["files"]

    def change(number):
        for each in range(objects):
            page = pages[(number * objects + each) % len(pages)]
            page.tail = f"{number} " + "x" * 1000
        if blobs and number % (transactions // blobs) == 0:
            new = StoredFile(f"Tail {number}", f"tail{number}.txt", "text/plain")
            new.write(io.BytesIO(bytes(2000)))
            files.add(f"tail{number}-{len(files)}", new)

    for number in range(transactions):
        with manager:
            change(number)
    connection.close()
"""

#: The tail may take a while on a busy machine.
_HOOK = "hook-timeout = 600"


@dataclass(frozen=True)
class Bench:
    """A size of database, with a site of each way.

    :ivar old: the old way.
    :ivar source: what its database was made of: the documents, and nothing else.
    """

    size: DatabaseSize
    site: Site
    old: OldWay
    source: Database

    def upgrade(self) -> Mapping[str, Any]:
        """Upgrade the site to the new release; return the report."""
        found: Mapping[str, Any] = self.site.run("evolve", NEW)
        return found

    def go_back(self) -> Mapping[str, Any]:
        """Go back to the old release and its data; return the report."""
        words = ("--rollback", "--discard-writes")
        found: Mapping[str, Any] = self.site.run("evolve", *words)
        return found


@contextlib.contextmanager
def benches(
    shop: Workshop,
    sizes: Sequence[DatabaseSize],
    documents: int,
    tail: Tail,
) -> Iterator[list[Bench]]:
    """Give a bench a size, everything served.

    :param documents: in each database, whatever its size.
    :param tail: what is committed right before the read-only window.
    """
    say, store = shop.progress.say, shop.root / "store"
    server = Server(shop.root / "zeo", shop.home)
    say("building the database server ...")
    server.build(store, [size.name for size in sizes])
    with contextlib.ExitStack() as stack:
        stack.callback(server.end)
        found, source = [], None
        for size in sizes:
            say(f"building sites: {size.title} ...")
            site = _site(shop.root / size.name, server, shop, tail)
            if source is None:
                say(f"writing {documents} documents ...")
                source = filling.fill(shop.root / "filled", site, documents)
            folder = shop.root / f"{size.name}-database"
            database = filling.grown(source, folder, size)
            server.take_in(size.name, database)
            conf = server.zeoctl("client-conf", size.name)
            site.begin(conf["zodb_conf"], conf["database"])
            stack.callback(site.run, "site", "stop")
            place = new_site(shop.root / f"{size.name}-old", shop.home)
            other = OldWay(place, database, folder)
            other.begin(store, server)
            stack.callback(other.end)
            found.append(Bench(size, site, other, source))
        yield found


def _site(folder: Path, server: Server, shop: Workshop, tail: Tail) -> Site:
    """Build a site that commits the tail when its upgrade is about to go read-only."""
    site = new_site(folder, shop.home)
    script = shop.root / f"{folder.name}-tail.py"
    script.write_text(_TAIL, encoding="utf-8")
    python = folder / "releases" / OLD / "bin" / "python"
    conf = folder / "current" / "zodb.conf"
    counts = f"{tail.transactions} {tail.objects} {tail.blobs}"
    site.build(
        shop.root / "store",
        server,
        f"zeo-command = {server.command}",
        f"before-read-only = {python} -B {script} {conf} {counts}",
        _HOOK,
    )
    return site
