"""Applications, from the start of their process until they answer."""

from __future__ import annotations

import http.client
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.databases import Database
from benchmarks.programs import Command, ProgramError, environment, timed
from benchmarks.workshop import Workshop

#: Starts what an environment has, with the folder for its data; seconds.
Starter = Callable[[Workshop, Path, Path, Path], float]

_PATIENCE = 120.0

_ZOPE_CONF = """\
instancehome {instance}
default-zpublisher-encoding utf-8
<zodb_db main>
  mount-point /
  <mappingstorage>
  </mappingstorage>
</zodb_db>
"""

#: What plone.recipe.zope2instance writes, too.
_SITE_ZCML = """\
<configure xmlns="http://namespaces.zope.org/zope"
           xmlns:five="http://namespaces.zope.org/five">
  <include package="Products.Five" />
  <five:loadProducts file="meta.zcml" />
  <five:loadProducts />
  <five:loadProductsOverrides />
</configure>
"""

_ZOPE_START = """\
import sys
from Zope2.Startup.run import make_wsgi_app
assert make_wsgi_app({}, sys.argv[1])
"""

_SITE_INI = """\
[app:main]
use = egg:acme.site#main

[server:main]
workers = 1
threads = 4
"""


def start_zope(shop: Workshop, python: Path, commands: Path, folder: Path) -> float:
    """Make Zope's WSGI application, with the configuration of all of Plone."""
    conf = folder / "etc" / "zope.conf"
    if not conf.exists():
        conf.parent.mkdir(parents=True)
        conf.write_text(_ZOPE_CONF.format(instance=folder), encoding="utf-8")
        (conf.parent / "site.zcml").write_text(_SITE_ZCML, encoding="utf-8")
    return timed([python, "-I", "-c", _ZOPE_START, conf], home=shop.home)


def start_sample(shop: Workshop, python: Path, commands: Path, folder: Path) -> float:
    """Start karl-serve and wait for its first answer."""
    config = folder / "site.ini"
    if not config.exists():
        folder.mkdir()
        config.write_text(_SITE_INI, encoding="utf-8")
        conf = folder / "zodb.conf"
        database = Database(folder / "Data.fs", folder / "blobs")
        conf.write_text(database.conf, encoding="utf-8")
    argv: Command = [
        commands / "karl-serve", "--revision", folder, "--config", config,
        "--bind", "fd://0",
    ]  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        connection = http.client.HTTPConnection(host, port, timeout=_PATIENCE)
        # The kernel keeps the question until somebody is there to answer it.
        connection.request("GET", "/healthz")
        start = time.perf_counter()
        with subprocess.Popen(
            argv,
            env=environment(shop.home),
            cwd=shop.home,
            stdin=listener.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                status = connection.getresponse().status
                seconds = time.perf_counter() - start
            finally:
                connection.close()
                process.terminate()
                process.wait(_PATIENCE)
    if status != http.client.OK:
        raise ProgramError(f"{argv} answered {status}")
    return seconds


#: By name of the set.
STARTERS: dict[str, tuple[str, Starter]] = {
    "plone": ("Zope's WSGI application, all of Plone configured", start_zope),
    "sample": ("karl-serve, to the first answer of /healthz", start_sample),
}
