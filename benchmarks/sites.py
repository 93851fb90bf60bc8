"""Sites of the sample product, and their database server, as buildout makes them."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.databases import Database
from benchmarks.programs import ROOT, Command, output

#: Releases of the sample product's first customer.
OLD, NEW = "1.0", "1.1"

_PATIENCE = 60.0

_COMMON = """\
[buildout]
parts = index release {part}
newest = false
allow-picked-versions = false

[index]
recipe = karl.recipe.release:index
index = {index}
pool = {root}/pool
indexes = {root}/indexes
store = {store}
sources =
    {root}/examples/karl.intranet/3.30
    {root}/examples/karl.intranet/3.31
    {root}/examples/acme.site/1.0
    {root}/examples/acme.site/1.1
build-index = toolchain/1

[release]
recipe = karl.recipe.release
root = {folder}
version = {version}
index = {index}
pool = {root}/pool
indexes = {root}/indexes
store = {store}
# Nothing is built that does not have to be: it is not what is measured.
system-linked =
zodb-conf =
"""

_SERVER = """\
eggs =
    ZEO
    ZODB
    supervisor
    cryptography
scripts =
    supervisord
    supervisorctl

[zeoserver]
recipe = karl.recipe.zeoserver
root = {folder}
storages =
    {storages}

{sections}
"""

_SITE = """\
eggs =
    acme.site
    karl.intranet
    gunicorn
site-ini =
    [app:main]
    use = egg:acme.site#main

[evolve]
recipe = karl.recipe.evolve
root = {folder}
address = {port}
workers = 2
threads = 4
supervisord = {server}/current/release/bin/supervisord
{more}
"""


@dataclass(frozen=True)
class Server:
    """A database server of karl.recipe.zeoserver, with supervisord.

    :ivar folder: its root; a short path, for sockets are in it.
    :ivar home: of all programs.
    """

    folder: Path
    home: Path

    @property
    def command(self) -> Path:
        """The command ``zeoctl``."""
        return self.folder / "bin" / "zeoctl"

    def build(self, store: Path, storages: Sequence[str]) -> None:
        """Run buildout, and make its release the live one; start nothing."""
        text = _SERVER.format(
            folder=self.folder,
            storages="\n    ".join(storages),
            sections="\n\n".join(f"[{name}]\nkeep = 1000" for name in storages),
        )
        _build(self.folder, "zeo/1", "1", "zeoserver", text, store, self.home)
        output([self.folder / "bin" / "switch-version", "1"], home=self.home)

    def zeoctl(self, verb: str, storage: str, *words: str | Path) -> Any:
        """Run a verb for one storage; return its result."""
        argv: Command = [self.command, verb, storage, *words, "--json", "--quiet"]
        return json.loads(output(argv, home=self.home))["storages"][storage]

    def take_in(self, storage: str, database: Database) -> None:
        """Serve a copy of a database."""
        data: Sequence[str | Path] = ("--data", database.data)
        self.zeoctl("import", storage, *data, "--blobs", database.blobs)
        self.zeoctl("start", storage)

    def end(self) -> None:
        """Stop everything."""
        output([self.command, "stop", "--all", "--supervisor"], home=self.home)


@dataclass(frozen=True)
class Site:
    """A site with both releases, and processes that serve one of them.

    :ivar folder: its root; a short path, for sockets are in it.
    :ivar port: on loopback, where the site listens.
    """

    folder: Path
    home: Path
    port: int

    def build(self, store: Path, server: Server, *more: str) -> None:
        """Run buildout for both releases.

        :param server: whose supervisord is used.
        :param more: lines for the part of karl.recipe.evolve.
        """
        text = _SITE.format(
            folder=self.folder,
            port=self.port,
            server=server.folder,
            more="\n".join(more),
        )
        for version in (OLD, NEW):
            index = f"acme/{version}"
            _build(self.folder, index, version, "evolve", text, store, self.home)

    def begin(self, conf: str, label: str) -> None:
        """Serve the old release with a database.

        :param conf: the content of ``zodb.conf``.
        """
        path = self.folder / "first-zodb.conf"
        path.write_text(conf, encoding="utf-8")
        self.run("switch-version", OLD, "--database", label, "--zodb-conf", path)
        self.run("site", "start")

    def run(self, name: str, *words: str | Path) -> Any:
        """Run one of its commands; return its answer."""
        argv: Command = [self.folder / "bin" / name, *words, "--json", "--quiet"]
        return json.loads(output(argv, home=self.home))

    def script(self, version: str, text: str, *words: str | Path) -> str:
        """Run a Python script with a release; return what it printed."""
        python = self.folder / "releases" / version / "bin" / "python"
        return output([python, "-B", "-c", text, *words], home=self.home)

    def evolve_run(self, version: str, *words: str | Path) -> list[dict[str, Any]]:
        """Evolve as ``evolve`` does it, with a release's software; return events."""
        (python,) = (self.folder / "releases" / version / "libexec").glob("python*")
        argv: Command = [
            python, "-I", "-B", self.folder / "bin" / "evolve-run", *words, "--json",
        ]  # fmt: skip
        text = output(argv, home=self.home)
        return [json.loads(line) for line in text.splitlines()]

    def read(self, path: str) -> bytes:
        """Return a page of it.

        :raises OSError: it does not answer, or not with status 200.
        """
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=_PATIENCE) as reply:
            content: bytes = reply.read()
            return content


def new_site(folder: Path, home: Path) -> Site:
    """Return a site at *folder*, at a port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return Site(folder, home, listener.getsockname()[1])


def _build(
    folder: Path, index: str, version: str, part: str, text: str, store: Path,
    home: Path,
) -> None:  # fmt: skip
    """Write a configuration beside *folder*, and run buildout with it."""
    above = folder.with_name(f"{folder.name}-buildout")
    above.mkdir(exist_ok=True)
    config = above / "buildout.cfg"
    common = _COMMON.format(
        part=part, index=index, root=ROOT, store=store, folder=folder, version=version
    )
    config.write_text(common + text, encoding="utf-8")
    output([ROOT / "bin" / "buildout", "-c", config], home=home, cwd=above)
